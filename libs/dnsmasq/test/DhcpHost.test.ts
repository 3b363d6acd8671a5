import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { type DhcpHost, type DhcpHostError, formatDhcpHost, parseDhcpHost } from "../src/index.ts"

const mac = "02:00:00:00:00:0a"

const formatted = (host: Partial<DhcpHost>) => formatDhcpHost({ mac, ip: "10.0.0.1", ...host })

const parsed = (line: string) => Result.getOrThrow(parseDhcpHost(line))

const failure = <A>(result: Result.Result<A, DhcpHostError>) => Result.getOrThrow(Result.flip(result))

describe("formatDhcpHost", () => {
  it("writes the entry for either file", () => {
    const host: DhcpHost = { mac, ip: "10.0.0.1", hostname: "nas", leaseTime: { seconds: 43_200 } }
    assert.strictEqual(Result.getOrThrow(formatDhcpHost(host)), "dhcp-host=02:00:00:00:00:0A,10.0.0.1,nas,12h")
    assert.strictEqual(Result.getOrThrow(formatDhcpHost(host, "hosts")), "02:00:00:00:00:0A,10.0.0.1,nas,12h")
    assert.strictEqual(Result.getOrThrow(formatted({})), "dhcp-host=02:00:00:00:00:0A,10.0.0.1")
    assert.strictEqual(
      Result.getOrThrow(formatted({ leaseTime: "infinite" })),
      "dhcp-host=02:00:00:00:00:0A,10.0.0.1,infinite"
    )
  })

  it("writes several MACs in their order, a name without an address, and that a client is ignored", () => {
    const also = ["02:00:00:00:00:0c", "02:00:00:00:00:0b"]
    const write = (host: DhcpHost) => Result.getOrThrow(formatDhcpHost(host, "hosts"))
    assert.strictEqual(
      write({ mac, also, ip: "10.0.0.1", hostname: "nas", leaseTime: { seconds: 3600 } }),
      "02:00:00:00:00:0A,02:00:00:00:00:0C,02:00:00:00:00:0B,10.0.0.1,nas,1h"
    )
    assert.strictEqual(write({ mac, hostname: "nas" }), "02:00:00:00:00:0A,nas")
    assert.strictEqual(write({ mac, hostname: "nas", leaseTime: "infinite" }), "02:00:00:00:00:0A,nas,infinite")
    assert.strictEqual(write({ mac, ignore: true }), "02:00:00:00:00:0A,ignore")
  })

  it("refuses a line that dnsmasq would break in two", () => {
    const also = (count: number) =>
      Array.from({ length: count }, (_, at) => `02:00:00:00:01:${at.toString(16).padStart(2, "0")}`)
    const hostname = "a".repeat(63)
    // 10 of the prefix, 18 for each MAC with its comma, 8 and a comma of the address, 63 of the name.
    const length = (count: number) => 10 + 18 * (1 + count) + 9 + 63
    assert.strictEqual(Result.getOrThrow(formatted({ also: also(50), hostname })).length, length(50))
    assert.isAbove(length(51), 1000)
    assert.strictEqual(failure(formatted({ also: also(51), hostname })).field, "line")
  })

  it("refuses an entry that says nothing", () => {
    assert.strictEqual(failure(formatDhcpHost({ mac })).field, "line")
    assert.strictEqual(failure(formatDhcpHost({ mac, leaseTime: "infinite" })).field, "line")
  })

  for (
    const [field, host] of [
      ["mac", { mac: "02-00-00-00-00-0a" }],
      ["mac", { mac: "02:00:00:00:00" }],
      ["mac", { mac: "02:00:00:00:00:*" }],
      ["mac", { mac: `${mac}\n` }],
      ["mac", { also: ["02:00:00:00:00:0b", "02:00:00:00:00:*"] }],
      ["mac", { also: ["02:00:00:00:00:0A"] }],
      ["mac", { also: ["02:00:00:00:00:0b", "02:00:00:00:00:0B"] }],
      ["ignore", { ignore: true }],
      ["ip", { ip: "10.0.0.256" }],
      ["ip", { ip: "010.0.0.1" }],
      ["ip", { ip: "10.0.0.1,evil" }],
      ["ip", { ip: "0.0.0.0" }],
      ["ip", { ip: "239.1.2.3" }],
      ["ip", { ip: "fd99::1" }],
      ...[
        "",
        "ignore",
        "infinite",
        "12h",
        "5D",
        "10",
        "1w",
        "A",
        "-a",
        "a-",
        "a_b",
        "a.b",
        "a b",
        "a,b",
        "a#b",
        "a\"b",
        "a\nb",
        "a\r",
        "a\0",
        "set:x",
        "a:b",
        "müller",
        "a".repeat(64)
      ].map((hostname) => ["hostname", { hostname }] as const),
      ["lease time", { leaseTime: { seconds: 119 } }],
      ["lease time", { leaseTime: { seconds: 2 ** 31 } }],
      ["lease time", { leaseTime: { seconds: 3600.5 } }],
      ["lease time", { leaseTime: { seconds: Number.NaN } }]
    ] as const
  ) {
    it(`refuses ${JSON.stringify(host)} and names the ${field}`, () => {
      const error = failure(formatted(host))
      assert.strictEqual(error.field, field)
      assert.notMatch(error.message, /[\u0000-\u001f]/)
    })
  }

  it.prop("writes what parseDhcpHost reads as the same", [
    Schema.String.check(Schema.isPattern(/^([0-9A-F]{2}:){5}[0-9A-F]{2}$/u)),
    Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 223 }))).check(
      Schema.isMinLength(4),
      Schema.isMaxLength(4)
    ),
    Schema.String.check(Schema.isPattern(/^[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?$/u)),
    Schema.Int.check(Schema.isBetween({ minimum: 120, maximum: 2_147_483_647 })),
    Schema.Literals(["conf", "hosts"])
  ], ([mac, octets, hostname, seconds, form]) => {
    const ip = octets.join(".")
    const result = formatDhcpHost({ mac, ip, hostname, leaseTime: { seconds } }, form)
    if (Result.isFailure(result)) {
      assert.match(hostname, /^(ignore|infinite|\d+[smhdw]?)$/)
      return
    }
    const read = Result.getOrThrow(parseDhcpHost(result.success, form))
    assert.isTrue(read.plain)
    assert.deepStrictEqual(
      [read.macs, read.ip, read.hostname, read.leaseTime],
      [[mac.toLowerCase()], ip, hostname, { seconds }]
    )
  }, { arbitrary: { runs: 500 } })

  it.prop("writes several MACs, or no address, so that parseDhcpHost reads the same", [
    Schema.Array(Schema.String.check(Schema.isPattern(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/u))).check(
      Schema.isMinLength(1),
      Schema.isMaxLength(60)
    ),
    Schema.Literals(["address", "name", "both", "ignore"]),
    Schema.Literals(["conf", "hosts"])
  ], ([[first = mac, ...also], what, form]) => {
    const host: DhcpHost = {
      mac: first,
      also,
      ...(what === "address" || what === "both" ? { ip: "10.0.0.1" } : {}),
      ...(what === "name" || what === "both" ? { hostname: "nas" } : {}),
      ...(what === "ignore" ? { ignore: true as const } : {})
    }
    const result = formatDhcpHost(host, form)
    if (Result.isFailure(result)) {
      assert.isTrue(also.length > 45 || new Set([first, ...also]).size <= also.length, result.failure.message)
      return
    }
    assert.isAtMost(result.success.length, 1000)
    const read = Result.getOrThrow(parseDhcpHost(result.success, form))
    assert.isTrue(read.plain)
    assert.deepStrictEqual([read.macs, read.ip, read.hostname, read.ignore], [
      [first, ...also],
      host.ip,
      host.hostname,
      what === "ignore"
    ])
  }, { arbitrary: { runs: 500 } })

  it.prop("writes one line that is nothing else, or refuses", [Schema.String, Schema.String, Schema.String], ([
    anyMac,
    ip,
    hostname
  ]) => {
    const hosts: ReadonlyArray<DhcpHost> = [
      { mac: anyMac, ip: "10.0.0.1" },
      { mac, ip },
      { mac, ip: "10.0.0.1", hostname },
      { mac, hostname },
      { mac, also: [anyMac], hostname: "nas" }
    ]
    for (const host of hosts) {
      const result = formatDhcpHost(host)
      if (Result.isSuccess(result)) {
        assert.match(result.success, /^dhcp-host=[0-9A-F:]{17}(,[0-9A-F:]{17})?(,[0-9.]+)?(,[a-z0-9-]+)?$/)
      }
    }
  })
})

describe("parseDhcpHost", () => {
  it("reads what operators write", () => {
    const { doubts, parts } = parsed(
      " 02:00:00:00:00:0A , 06-02:00:00:00:00:0b,id:01:02, id:*,tag:!red,\t10.0.0.1,[fd99::1],[fd99::/64],nas.lan.,45m # attic\r"
    )
    assert.deepStrictEqual(parts, [
      { is: "mac", mac },
      { is: "mac", mac: "02:00:00:00:00:0b", hardwareType: 6 },
      { is: "client-id", clientId: "01:02" },
      { is: "any-client-id" },
      { is: "tag", tag: "!red" },
      { is: "ip", ip: "10.0.0.1" },
      { is: "ipv6", ip: "fd99::1" },
      { is: "ipv6", ip: "fd99::", prefixLength: 64 },
      { is: "name", hostname: "nas", domain: "lan" },
      { is: "lease-time", leaseTime: { seconds: 2700 } }
    ])
    assert.deepStrictEqual(doubts, [])
  })

  it("sums up what dnsmasq makes of them", () => {
    assert.deepInclude(parsed(`dhcp-host = ${mac},02:00:00:00:00:0b,nas,infinite`), {
      macs: [mac, "02:00:00:00:00:0b"],
      hostname: "nas",
      leaseTime: "infinite",
      ignore: false,
      plain: true
    })
    assert.deepInclude(parsed(`${mac},ignore`), { ignore: true, plain: true })
    assert.isTrue(parsed(`${mac},10.0.0.1,nas`).plain)
  })

  for (const rest of ["1h", "10.0.0.1,ignore", "ignore,nas", "tag:red,10.0.0.1", "nas,10.0.0.1", "id:01:02,nas"]) {
    it(`does not take ${rest} for what we write`, () => assert.isFalse(parsed(`${mac},${rest}`).plain))
  }

  it("reads quotes as dnsmasq does, for which a quoted keyword is a name", () => {
    assert.deepInclude(parsed(`${mac},"ignore"`), { hostname: "ignore", ignore: false })
    assert.deepInclude(parsed(`${mac},"12h"`), { hostname: "12h" })
    assert.strictEqual(failure(parseDhcpHost(`${mac},"a,b"`)).field, "hostname")
    assert.strictEqual(failure(parseDhcpHost(`${mac},"a`)).field, "line")
  })

  for (
    const [line, field] of [
      [`${mac},10.99.0.999`, "ip"],
      [`${mac},010.099.000.053`, "ip"],
      ["02-00-00-00-00-0a,10.0.0.1", "mac"],
      ["02:00:00:*:*:*,10.0.0.1", "mac"],
      ["02:00:00:00:00,10.0.0.1", "mac"],
      ["0200:0000:000a,10.0.0.1", "mac"],
      [`${mac},0.0.0.0`, "ip"],
      [`${mac},10.0.0.1,10.0.0.2`, "ip"],
      [`${mac},Ignore`, "hostname"],
      [`${mac},1h,2h`, "lease-time"],
      [`${mac},30s`, "lease time"],
      [`${mac},10.0.0.1,`, "line"],
      [`${mac},set:red`, "set"],
      [`${mac},[fd99::1/64]`, "ipv6"]
    ] as const
  ) {
    it(`doubts the ${field} of ${line}`, () => {
      const { doubts, plain } = parsed(line)
      assert.deepStrictEqual(doubts.map((doubt) => doubt.field), [field])
      assert.isFalse(plain)
    })
  }

  it("has no doubt about set: in a conf file, where it does no harm", () => {
    assert.deepStrictEqual(parsed(`dhcp-host=${mac},set:red`).doubts, [])
  })

  for (
    const [line, field] of [
      ["", "line"],
      ["# nothing", "line"],
      [`${mac},${"a".repeat(1000)}`, "line"],
      ["02:zz:00:00:00:0a", "mac"],
      ["dhcp-hosts=02:00:00:00:00:0a", "mac"],
      [`${mac},[fd99::x]`, "ipv6"],
      [`${mac},[fd99::1/120]`, "ipv6"],
      [`${mac},[fd99::1/129]`, "ipv6"],
      [`${mac},id:0:xx`, "client id"],
      [`${mac},-nas`, "hostname"],
      [`${mac},my laptop`, "hostname"],
      [`${mac},müller`, "hostname"],
      [`${mac},${"a".repeat(64)}`, "hostname"],
      [`${mac},one,two`, "hostname"],
      [`${mac},99999999999`, "lease time"]
    ] as const
  )
    it(`refuses ${line.slice(0, 40)} and names the ${field}`, () =>
      assert.strictEqual(failure(parseDhcpHost(line)).field, field))

  it("insists on the prefix in a conf file and on none in a hosts file", () => {
    assert.strictEqual(failure(parseDhcpHost(`${mac},10.0.0.1`, "conf")).field, "line")
    assert.strictEqual(failure(parseDhcpHost(`dhcp-host=${mac},10.0.0.1`, "hosts")).field, "line")
  })

  it("takes a line as dnsmasq does: up to a NUL", () => {
    assert.strictEqual(parsed(`${mac},10.0.0.1,nas\0,ignore`).ignore, false)
  })

  it.prop("reads any text without a throw", [Schema.String], ([text]) => {
    for (const line of [text, `dhcp-host=${mac},${text}`, `${mac},"${text}`]) {
      const result = parseDhcpHost(line)
      if (Result.isFailure(result)) assert.notMatch(result.failure.message, /[\u0000-\u001f\u007f-\u009f]/)
    }
  }, { arbitrary: { runs: 500 } })
})
