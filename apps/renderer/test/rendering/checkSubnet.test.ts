import { formatDhcpHost, parseDhcpHost } from "@leasehold/dnsmasq"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { isSound, type Taken } from "../../src/rendering/checkSubnet.ts"

const nobody: Taken = { blocked: new Set(), macs: new Set(), addresses: new Set() }

const sound = (text: string, rows: number, { cidr = "10.0.0.0/24", prefix = "", taken = {} } = {}) =>
  isSound(Buffer.from(text), rows, cidr, prefix, { ...nobody, ...taken })

const good = "AA:BB:CC:00:00:01,10.0.0.1,nas\nAA:BB:CC:00:00:02,10.0.0.2,printer,12h\n"

describe("a subnet's text", () => {
  it("is sound when each line is a reservation of the subnet", () => {
    assert.isTrue(sound(good, 2))
    assert.isTrue(sound(good.replaceAll(/^/gmu, "dhcp-host=").replace(/dhcp-host=$/u, ""), 2, { prefix: "dhcp-host=" }))
    assert.isTrue(sound("", 0))
  })

  it("is not sound when a value brought a line of its own", () => {
    // The name of the first row is "nas\nAA:BB:CC:00:00:66,10.0.0.66,evil".
    assert.isFalse(sound("AA:BB:CC:00:00:01,10.0.0.1,nas\nAA:BB:CC:00:00:66,10.0.0.66,evil\n", 1))
  })

  const broken: Readonly<Record<string, string>> = {
    "a MAC in lower case": "aa:bb:cc:00:00:01,10.0.0.1,nas\n",
    "a short MAC": "AA:BB:CC:00:01,10.0.0.1,nas\n",
    "a wildcard": "AA:BB:CC:00:00:*,10.0.0.1,nas\n",
    "an octet with a leading zero": "AA:BB:CC:00:00:01,10.0.0.01,nas\n",
    "an octet above 255": "AA:BB:CC:00:00:01,10.0.0.256,nas\n",
    "three octets": "AA:BB:CC:00:00:01,10.0.1,nas\n",
    "no name": "AA:BB:CC:00:00:01,10.0.0.1,\n",
    "a keyword as a name": "AA:BB:CC:00:00:01,10.0.0.1,ignore\n",
    "another keyword as a name": "AA:BB:CC:00:00:01,10.0.0.1,infinite\n",
    "a lease time as a name": "AA:BB:CC:00:00:01,10.0.0.1,12h\n",
    "a number as a name": "AA:BB:CC:00:00:01,10.0.0.1,5\n",
    "a dot in a name": "AA:BB:CC:00:00:01,10.0.0.1,nas.lan\n",
    "a dash at the end of a name": "AA:BB:CC:00:00:01,10.0.0.1,nas-\n",
    "a dash at the start of a name": "AA:BB:CC:00:00:01,10.0.0.1,-nas\n",
    "upper case in a name": "AA:BB:CC:00:00:01,10.0.0.1,Nas\n",
    "a letter beyond ASCII": "AA:BB:CC:00:00:01,10.0.0.1,n\u00e4s\n",
    "a letter whose low byte is ASCII": "AA:BB:CC:00:00:01,10.0.0.1,n\u0161s\n",
    "a NUL": "AA:BB:CC:00:00:01,10.0.0.1,n\u0000s\n",
    "a name of 64 letters": `AA:BB:CC:00:00:01,10.0.0.1,${"a".repeat(64)}\n`,
    "a comment": "AA:BB:CC:00:00:01,10.0.0.1,nas #\n",
    "a tag": "AA:BB:CC:00:00:01,10.0.0.1,nas,set:x\n",
    "a tag before": "set:x,AA:BB:CC:00:00:01,10.0.0.1,nas\n",
    "a short lease time": "AA:BB:CC:00:00:01,10.0.0.1,nas,119s\n",
    "a lease time that dnsmasq cannot count": "AA:BB:CC:00:00:01,10.0.0.1,nas,4000w\n",
    "a lease time without a unit": "AA:BB:CC:00:00:01,10.0.0.1,nas,3600\n",
    "something behind the lease time": "AA:BB:CC:00:00:01,10.0.0.1,nas,1h,\n",
    "a prefix where there is none": "dhcp-host=AA:BB:CC:00:00:01,10.0.0.1,nas\n",
    "no newline at the end": "AA:BB:CC:00:00:01,10.0.0.1,nas",
    "a carriage return": "AA:BB:CC:00:00:01,10.0.0.1,nas\r\n",
    "an address of another subnet": "AA:BB:CC:00:00:01,10.0.1.1,nas\n",
    "the network's address": "AA:BB:CC:00:00:01,10.0.0.0,nas\n",
    "the broadcast address": "AA:BB:CC:00:00:01,10.0.0.255,nas\n"
  }
  for (const [what, text] of Object.entries(broken)) {
    it(`is not sound with ${what}`, () => assert.isFalse(sound(text, 1)))
  }

  it("is not sound when an address or a MAC comes twice", () => {
    assert.isFalse(sound("AA:BB:CC:00:00:01,10.0.0.1,nas\nAA:BB:CC:00:00:02,10.0.0.1,printer\n", 2))
    assert.isFalse(sound("AA:BB:CC:00:00:01,10.0.0.1,nas\nAA:BB:CC:00:00:01,10.0.0.2,printer\n", 2))
  })

  it("is not sound when another line has an address or a MAC of it, or a MAC is blocked", () => {
    const first = 0xaabbcc000001
    assert.isFalse(sound(good, 2, { taken: { blocked: new Set([first]) } }))
    assert.isFalse(sound(good, 2, { taken: { macs: new Set([first]) } }))
    assert.isFalse(sound(good, 2, { taken: { addresses: new Set([0x0a000002]) } }))
    const others = { blocked: new Set([first + 8]), macs: new Set([first + 9]), addresses: new Set([0x0a000003]) }
    assert.isTrue(sound(good, 2, { taken: others }))
  })

  it("is not sound when it is out of order, or has fewer lines than rows", () => {
    assert.isFalse(sound("AA:BB:CC:00:00:01,10.0.0.2,nas\nAA:BB:CC:00:00:02,10.0.0.1,printer\n", 2))
    assert.isFalse(sound(good, 3))
  })

  it("is not sound where no host can have an address", () => {
    assert.isFalse(sound("AA:BB:CC:00:00:01,0.0.0.1,nas\n", 1, { cidr: "0.0.0.0/24" }))
    assert.isFalse(sound("AA:BB:CC:00:00:01,224.0.0.5,nas\n", 1, { cidr: "224.0.0.0/24" }))
  })
})

const Mac = Schema.Union([
  Schema.String.check(Schema.isPattern(/^[0-9A-F]{2}(:[0-9A-F]{2}){5}$/u)),
  Schema.Literals(["aa:bb:cc:00:00:01", "AA-BB-CC-00-00-01", "id:x", "*", ""])
])
const Address = Schema.Union([
  Schema.String.check(Schema.isPattern(/^(10|1|223|0|224)\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}$/u)),
  Schema.Literals(["10.0.0.1", "[fd00::1]", "10.0.0", "ignore", ""])
])
const Name = Schema.Union([
  Schema.String.check(Schema.isPattern(/^[a-z0-9-]{1,12}$/u)),
  Schema.Literals([
    "nas",
    "ignore",
    "infinite",
    "12h",
    "7",
    "5m",
    "0x1",
    "1w1",
    "tag:x",
    "set:x",
    "a,b",
    "a\nb",
    "a#b",
    "\"a\""
  ]),
  Schema.String
])
const LeaseTime = Schema.Union([
  Schema.String.check(Schema.isPattern(/^[0-9]{1,11}[wdhms]?$/u)),
  Schema.Literals(["", "infinite", "120s", "119s", "2m", "infinitely"])
])
const wholeOf = (fields: ReadonlyArray<string>) => fields.filter((field, at) => at < 3 || field !== "").join(",")

describe("the shape of a line", () => {
  it.effect.prop(
    "takes nothing that dnsmasq could read as something else",
    [Mac, Address, Name, LeaseTime],
    (fields) =>
      Effect.sync(() => {
        const line = wholeOf(fields)
        if (!isSound(Buffer.from(`${line}\n`), 1, "0.0.0.0/0", "", nobody)) return
        const [mac, address, name] = fields
        const read = Result.getOrThrow(parseDhcpHost(line, "hosts"))
        assert.isTrue(read.plain, line)
        assert.deepStrictEqual([read.macs, read.ip, read.hostname], [[mac.toLowerCase()], address, name])
      }),
    { arbitrary: { runs: 2_000 } }
  )

  it.effect.prop("takes whatever libs/dnsmasq formats", [
    Mac,
    Address,
    Name,
    Schema.Union([Schema.Literal("infinite"), Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff_ffff }))])
  ], ([mac, ip, hostname, time]) =>
    Effect.sync(() => {
      const leaseTime = time === "infinite" ? time : { seconds: time }
      const line = formatDhcpHost({ mac, ip, hostname, leaseTime }, "conf")
      if (Result.isFailure(line)) return
      assert.isTrue(isSound(Buffer.from(`${line.success}\n`), 1, "0.0.0.0/0", "dhcp-host=", nobody), line.success)
    }), { arbitrary: { runs: 2_000 } })
})
