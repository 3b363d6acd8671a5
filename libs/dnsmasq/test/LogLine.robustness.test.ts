import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { makeLogParser } from "../src/index.ts"
import { allLines } from "./corpus.ts"

const parser = makeLogParser({ zone: "Europe/Berlin", reference: Date.UTC(2026, 10, 22) })

const index = (length: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: length - 1 }))

const message = "DHCPACK(e0) 10.0.0.1 02:00:00:00:00:01 nas"

/** Lines that begin alike and go on differently. */
const neighbours = [
  ...[
    "Nov 22 03:50:23 ",
    "Nov 22 03:50:24 ",
    "Nov 22 03:50:23.5 ",
    "2026-11-22T03:50:23.5Z ",
    "2026-11-22T03:50:23.6+01:00 ",
    "2026-11-22T03:50:23.5 ",
    ""
  ]
    .flatMap((stamp) =>
      ["", "host ", "<30>", "<30>1 "].flatMap((extra) =>
        [
          "dnsmasq-dhcp[1]: ",
          "dnsmasq-dhcp[1]:",
          "dnsmasq-dhcp[12]: ",
          "dnsmasq-dhcp: ",
          "dnsmasq[1]: ",
          "dnsmasq-dhcp[1]:  "
        ]
          .map((tag) => extra.startsWith("<") ? `${extra}${stamp}${tag}${message}` : `${stamp}${extra}${tag}${message}`)
      )
    ),
  `Nov 22 03:50:23 dnsmasq-dhcp[1]:`,
  `<30>1 2026-11-22T03:50:23.5Z host dnsmasq-dhcp 1 - - ${message}`,
  `<30>1 2026-11-22T03:50:23.5Z host dnsmasq-dhcp 1 - -  ${message}`,
  `<30>1 2026-11-22T03:50:23.5Z host dnsmasq-dhcp 1 - -`,
  ...[message, message.slice(0, -2)].map((cut) =>
    `${`<30>1 2026-11-22T03:50:23.5Z host dnsmasq-dhcp 1 - - ${message}`.length + 1} ` +
    `<30>1 2026-11-22T03:50:23.5Z host dnsmasq-dhcp 1 - - ${cut}`
  ),
  `99 <30>1 2026-11-22T03:50:23.5Z host dnsmasq-dhcp 1 - - ${message}`,
  `999 <30>1 2026-11-22T03:50:23.5Z host dnsmasq-dhcp 1 - - ${message}`,
  `Sun Nov 22 03:50:23 2026 daemon.info dnsmasq-dhcp[1]: ${message}`,
  `Nov 22 03:50:23 daemon.info dnsmasq-dhcp[1]: ${message}`,
  JSON.stringify({ SYSLOG_IDENTIFIER: "dnsmasq-dhcp", __REALTIME_TIMESTAMP: "1795319423055763", MESSAGE: message }),
  JSON.stringify({ app: "dnsmasq-dhcp", ts: "Nov 22 03:50:24", msg: message })
]

const octets = /^[0-9a-f]{2}(:[0-9a-f]{2})*$/

/** Whatever the line, a field has the shape that its name promises. */
const check = (line: string) => {
  const { at, duid, hostname, interface: name, ip, kind, mac, xid } = parser.parse(line)
  if (at !== undefined) assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/, line)
  if (mac !== undefined) assert.match(mac, octets, line)
  if (duid !== undefined) assert.match(duid, octets, line)
  if (ip !== undefined) assert.match(ip, /^(\d+(\.\d+){3}|[0-9a-f:.]+)$/, line)
  if (hostname !== undefined) assert.match(hostname, /^[A-Za-z0-9._-]+$/, line)
  if (xid !== undefined) assert.isTrue(xid > 0 && xid <= 0xffff_ffff, line)
  if (kind !== null && kind !== "other") assert.isDefined(name, line)
}

describe("any line at all", () => {
  it.prop("is parsed without a throw: text", [Schema.String], ([text]) => {
    check(text)
    check(`Nov 22 03:50:23 dnsmasq-dhcp[1]: ${text}`)
    check(`dnsmasq-dhcp: 1 DHCPACK(${text}`)
    check(`{"SYSLOG_IDENTIFIER":"dnsmasq-dhcp","MESSAGE":${JSON.stringify(text)}}`)
  }, { arbitrary: { runs: 500 } })

  it.prop("is parsed without a throw: a captured line with a part of another in it", [
    index(allLines.length),
    index(allLines.length),
    index(200),
    index(200),
    index(40)
  ], ([into, from, at, start, length]) => {
    const line = allLines[into] ?? ""
    const part = (allLines[from] ?? "").slice(start, start + length)
    check(line.slice(0, at) + part + line.slice(at))
    check(line.slice(0, at) + part + line.slice(at + length))
    check(line.slice(0, at))
    check(line.slice(at))
  }, { arbitrary: { runs: 2000 } })

  it("is parsed the same whatever came before it", () => {
    const options = { zone: "Europe/Berlin", reference: Date.UTC(2026, 10, 23) }
    const alone = neighbours.map((line) => makeLogParser(options).parse(line))
    const parser = makeLogParser(options)
    for (const before of neighbours) {
      neighbours.forEach((line, at) => {
        parser.parse(before)
        assert.deepStrictEqual(parser.parse(line), alone[at], `${before}\n${line}`)
      })
    }
  })

  it("is parsed without a throw: JSON of any shape", () => {
    for (
      const json of [
        "{",
        "{\"MESSAGE\":[1,2,300],\"SYSLOG_IDENTIFIER\":\"dnsmasq-dhcp\"}",
        "{\"MESSAGE\":[\"a\",\"b\"],\"SYSLOG_IDENTIFIER\":[\"dnsmasq-dhcp\"]}",
        "{\"MESSAGE\":{\"a\":1},\"SYSLOG_IDENTIFIER\":\"dnsmasq-dhcp\",\"_PID\":12}",
        "{\"MESSAGE\":\"\\ud800\",\"SYSLOG_IDENTIFIER\":\"dnsmasq-dhcp\",\"__REALTIME_TIMESTAMP\":\"x\"}",
        "{\"msg\":\"x\",\"app\":\"__proto__\"}",
        "{\"__proto__\":{\"app\":\"dnsmasq-dhcp\"},\"msg\":\"DHCPDISCOVER(e0) 02:00:00:00:00:01\"}",
        `${"{\"a\":".repeat(4000)}1${"}".repeat(4000)}`,
        "{\"MESSAGE\":\"x\",\"SYSLOG_IDENTIFIER\":\"dnsmasq-dhcp\",\"__REALTIME_TIMESTAMP\":\"999999999999999999\"}"
      ]
    ) check(json)
  })
})

describe("the time a line takes", () => {
  /** Shapes that make a careless grammar look back. */
  const shapes: ReadonlyArray<readonly [string, (length: number) => string]> = [
    ["blanks", (length) => `dnsmasq-dhcp: ${" ".repeat(length)}`],
    [
      "a message of blanks and a bracket",
      (length) => `dnsmasq-dhcp: message repeated 3 times: [ ${"] ".repeat(length / 2)}`
    ],
    ["an address without end", (length) => `dnsmasq-dhcp: DHCPACK(e0) 10.0.0.1 ${"02:".repeat(length / 3)}`],
    [
      "a DHCPv6 answer",
      (length) => `dnsmasq-dhcp: DHCPREPLY(e0) ${"a:".repeat(length / 2)} ${"::".repeat(length / 2)}`
    ],
    ["an interface without end", (length) => `dnsmasq-dhcp: DHCPACK(${"(".repeat(length)}`],
    ["structured data", (length) => `<30>1 - h dnsmasq-dhcp 1 - ${"[a=\"".repeat(length / 4)}`],
    ["digits", (length) => "1".repeat(length)],
    ["NULs", (length) => "\0".repeat(length)],
    ["carriage returns", (length) => "\r".repeat(length)],
    ["tags", (length) => "dnsmasq-dhcp ".repeat(length / 12)],
    [
      "a loss",
      (length) => `Nov 22 03:50:23 h rsyslogd: imuxsock${" messages lost".repeat(length / 14)} due to rate-limiting`
    ],
    ["JSON", (length) => `{"MESSAGE":"${"\\u0000".repeat(length / 6)}","SYSLOG_IDENTIFIER":"dnsmasq-dhcp"}`]
  ]

  const millis = (line: string) => {
    const start = performance.now()
    parser.parse(line)
    return performance.now() - start
  }

  const best = (line: string) => Math.min(millis(line), millis(line), millis(line))

  for (const [name, make] of shapes) {
    it(`grows no faster than the line: ${name}`, () => {
      // Sixteen times the length would take a quadratic reader 256 times as long.
      const short = best(make(20_000))
      const long = best(make(320_000))
      assert.isBelow(long, 80 * Math.max(short, 1), `${short} ms, ${long} ms`)
    })
  }
})
