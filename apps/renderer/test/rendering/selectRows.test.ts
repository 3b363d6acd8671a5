import { assert, describe, it } from "@effect/vitest"
import { type Row, selectRows } from "../../src/rendering/selectRows.ts"

const macOf = (number: string) => `aa:bb:cc:00:00:${number.padStart(2, "0")}`

const row = (id: string, fields: Partial<Row> = {}): Row => ({
  id,
  subnet: "1",
  cidr: "10.0.0.0/24",
  macs: [macOf(id)],
  address: `10.0.0.${id}`,
  name: `host-${id}`,
  ignore: false,
  seconds: null,
  ...fields
})

describe("reservations", () => {
  it("become lines as libs/dnsmasq formats them", () => {
    const { leftOut, lines } = selectRows([row("1"), row("2", { seconds: "43200" })], "conf")
    assert.deepStrictEqual(lines, [
      "dhcp-host=AA:BB:CC:00:00:01,10.0.0.1,host-1\n",
      "dhcp-host=AA:BB:CC:00:00:02,10.0.0.2,host-2,12h\n"
    ])
    assert.deepStrictEqual(leftOut, [])
  })

  it("hold for ever when they hold longer than dnsmasq can count", () => {
    const { lines } = selectRows([row("1", { seconds: "2147483648" })], "hosts")
    assert.deepStrictEqual(lines, ["AA:BB:CC:00:00:01,10.0.0.1,host-1,infinite\n"])
  })

  it("can have several MACs, a name only, or neither", () => {
    const { leftOut, lines } = selectRows([
      row("1", { macs: [macOf("1"), macOf("9"), macOf("8")], seconds: "3600" }),
      row("2", { address: null, seconds: "7200" }),
      row("3", { address: null, name: null, ignore: true, seconds: "7200" }),
      row("4", { macs: [] })
    ], "hosts")
    assert.deepStrictEqual(lines, [
      "AA:BB:CC:00:00:01,AA:BB:CC:00:00:09,AA:BB:CC:00:00:08,10.0.0.1,host-1,1h\n",
      "AA:BB:CC:00:00:02,host-2,2h\n",
      "AA:BB:CC:00:00:03,ignore\n"
    ])
    assert.deepStrictEqual(leftOut, [])
  })

  it("need no second line that says the same of a MAC in another subnet", () => {
    const name = { macs: [macOf("1")], address: null, name: "nas" }
    const { leftOut, lines } = selectRows([
      row("1", name),
      row("2", { ...name, subnet: "2" }),
      row("3", { ...name, subnet: "3", name: "other" })
    ], "hosts")
    assert.deepStrictEqual(lines, ["AA:BB:CC:00:00:01,nas\n"])
    assert.deepStrictEqual(leftOut, [
      { id: "3", rule: "its MAC has another reservation without an address at this server" }
    ])
  })

  it("are left out when they would write a MAC that has its line already", () => {
    const { leftOut, lines } = selectRows(
      [row("1"), row("2", { macs: [macOf("2"), macOf("7")] })],
      "hosts",
      (mac) => mac === macOf("7")
    )
    assert.deepStrictEqual(lines, ["AA:BB:CC:00:00:01,10.0.0.1,host-1\n"])
    assert.deepStrictEqual(leftOut.map(({ id }) => id), ["2"])
  })

  const many = Array.from({ length: 60 }, (_, at) => `aa:bb:cc:00:01:${at.toString(16).padStart(2, "0")}`)
  const broken: ReadonlyArray<readonly [string, Partial<Row>, RegExp]> = [
    ["a keyword as a name", { name: "ignore" }, /hostname: expected .* no keyword/u],
    ["a second line in its name", { name: "x\nAA:BB:CC:00:00:66,10.0.0.66,evil" }, /hostname/u],
    ["an address outside", { address: "10.0.1.5" }, /no host address of its subnet/u],
    ["the broadcast address", { address: "10.0.0.255" }, /no host address of its subnet/u],
    ["an IPv6 address", { address: "fd00::1" }, /ip: expected an IPv4 address/u],
    ["the address of another", { address: "10.0.0.1" }, /address has another reservation/u],
    ["the MAC of another", { macs: [macOf("1")] }, /MAC has another reservation in this subnet/u],
    ["the MAC of another among its own", { macs: [macOf("2"), macOf("1")] }, /MAC has another reservation/u],
    ["one MAC twice", { macs: [macOf("2"), macOf("2")] }, /mac: expected each MAC once/u],
    ["more MACs than a line can have", { macs: many }, /line: expected at most 1000 bytes/u],
    ["neither an address nor a name", { address: null, name: null }, /line: expected an address, a name or ignore/u],
    ["a name though it is ignored", { address: null, ignore: true }, /ignore: expected nothing else/u],
    ["a lease of a minute", { seconds: "60" }, /lease time/u]
  ]
  for (const [what, fields, rule] of broken) {
    it(`leave out one with ${what}, say why, and keep the others`, () => {
      const { leftOut, lines } = selectRows([row("1"), row("2", fields), row("3")], "hosts")
      assert.deepStrictEqual(lines, ["AA:BB:CC:00:00:01,10.0.0.1,host-1\n", "AA:BB:CC:00:00:03,10.0.0.3,host-3\n"])
      assert.strictEqual(leftOut.length, 1)
      assert.strictEqual(leftOut[0]?.id, "2")
      assert.match(leftOut[0]?.rule ?? "", rule)
    })
  }
})
