import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { type LogEntry, makeLogParser, makeLogReader, makeLogScanner } from "../src/index.ts"
import { allLines, readFixture } from "./corpus.ts"

const options = { zone: "Europe/Berlin", reference: Date.UTC(2026, 10, 23) }

const encode = (text: string) => new TextEncoder().encode(text)

/** The same, line by line and without haste. */
const slowly = (bytes: Uint8Array): ReadonlyArray<LogEntry> => {
  const parser = makeLogParser(options)
  const entries: Array<LogEntry> = []
  let offset = 0
  for (let index = 0;; index++) {
    const newline = bytes.indexOf(10, offset)
    if (newline === -1) return entries
    const line = new TextDecoder().decode(bytes.subarray(offset, newline))
    const record = parser.parse(line)
    if (record.kind !== null) entries.push({ offset, length: newline + 1 - offset, index, line, record })
    offset = newline + 1
  }
}

const dns = (tag: string) => [
  `${tag}query[A] example.com from 10.0.0.1`,
  `${tag}forwarded example.com to 192.0.2.53`,
  `${tag}reply example.com is 192.0.2.1`,
  `${tag}overflow: 12 log entries lost`,
  `${tag}ogre.example is 192.0.2.1`
]

/** Framings whose tags stand at places where other framings have something else. */
const tags = [
  "Nov 22 03:50:23 dnsmasq[7]: ",
  "Nov 22 03:50:24 dnsmasq[12345]: ",
  "Nov 22 03:50:23 labhost dnsmasq[7]: ",
  "Nov 22 03:50:23 dnsmasq dnsmasq[7]: ",
  "Nov 22 03:50:23 a-host-of-some-length-7 dnsmasq[7]: ",
  "2026-11-22T03:50:23.055763+00:00 labhost dnsmasq[7]: ",
  "<30>1 2026-11-22T03:50:23.055763+00:00 labhost dnsmasq 7 - -  ",
  "<30>1 2026-11-22T03:50:23.055763+00:00 dnsmasq dnsmasq 7 - -  ",
  "Sun Nov 22 03:50:23 2026 daemon.info dnsmasq[7]: ",
  "dnsmasq[7]: ",
  "dnsmasq: ",
  "Nov 22 03:50:23 dnsmasq-tftp[7]: ",
  "Nov 22 03:50:23 labhost sshd[7]: "
]

const ofDhcp = tags.map((tag) =>
  `${tag.replace(/dnsmasq(-tftp)?(?=[[: ]+\d*\D*$)/, "dnsmasq-dhcp")}DHCPACK(e0) 10.0.0.1 02:00:00:00:00:01 dnsmasq`
)

/** Lines of DHCP and of JSON that have the tag of DNS where another framing has it, among what a client may choose. */
const lures = Array.from({ length: 45 }, (_, pad) => pad).flatMap((pad) => [
  `Nov 22 03:50:23 dnsmasq-dhcp[7]: 9 vendor class: ${"x".repeat(pad)} dnsmasq[7]: q`,
  `Nov 22 03:50:23 dnsmasq-dhcp: ${"x".repeat(pad)} dnsmasq[7]: q`,
  `dnsmasq-dhcp[7]: 9 vendor class: ${"x".repeat(pad)} dnsmasq[7]: q`,
  `dnsmasq-dhcp: 9 vendor class: ${"x".repeat(pad)} dnsmasq[7]: q`,
  `{"a":"${"1".repeat(pad)} dnsmasq[7]: q","SYSLOG_IDENTIFIER":"dnsmasq-dhcp","MESSAGE":"9 tags: x"}`,
  `{"a":"12:${"1".repeat(pad)} dnsmasq[7]: q","SYSLOG_IDENTIFIER":"dnsmasq-dhcp","MESSAGE":"9 tags: x"}`,
  `{"a":"123:${"1".repeat(pad)} dnsmasq[7]: q","SYSLOG_IDENTIFIER":"dnsmasq-dhcp","MESSAGE":"9 tags: x"}`
])

/** Nearly lines of DNS: nothing may be learnt from them. */
const broken = tags.flatMap((tag) => [`${tag.trimEnd()}x`, tag.replace("]", "x]"), tag.trimEnd()])
const foreign = lures.filter((line) => line.startsWith("{")).map((line) => line.replace("dnsmasq-dhcp", "x"))

/** Lines of other programs, and of dnsmasq's that are passed over only line by line. */
const others = [
  "Nov 22 03:50:23 labhost sshd[7]: Accepted publickey for user",
  "Nov 22 03:50:23 labhost kernel: eth0: link up",
  "Nov 22 03:50:23 labhost rsyslogd: imjournal: 7 messages lost due to rate-limiting (20000 allowed)",
  "Nov 22 03:50:23 labhost rsyslogd: action suspended",
  "{\"SYSLOG_IDENTIFIER\":\"sshd\",\"MESSAGE\":\"x\"}"
]

const pool = [
  ...broken,
  ...others,
  ...others,
  ...tags.flatMap(dns),
  ...ofDhcp,
  ...ofDhcp,
  ...allLines.filter((_, index) => index % 97 === 0),
  "",
  "dnsmasq-dhcp",
  "Nov 22 03:50:23 dnsmasq-dhcp[7]: 9 vendor class: dnsmasq[7]: q dnsmasq[7]: q dnsmasq[7]: q"
]

const Lines = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: pool.length - 1 })))

const log = (picked: ReadonlyArray<number>) => encode(picked.map((index) => `${pool[index] ?? ""}\n`).join(""))

describe("a chunk", () => {
  it("of each captured log gives what its lines give one by one", () => {
    for (
      const file of ["file-logdhcp-nonauth.log", "journalctl-json-plain.log", "syslog-tcp-rfc5424-octet-plain.log"]
    ) {
      const bytes = readFixture(file)
      const { consumed, entries, lines, overlong, skipped } = makeLogScanner(options).scan(bytes)
      assert.deepStrictEqual(entries, slowly(bytes))
      assert.strictEqual(consumed, bytes.length)
      assert.strictEqual(lines, entries.length + skipped)
      assert.strictEqual(overlong, 0)
    }
  })

  it("passes over no line that matters, whatever the framing of the lines before it", () => {
    const matter = [...tags.flatMap(dns), ...ofDhcp, ...lures].map((line) => `${line}\n`).join("")
    for (const tag of tags) {
      for (const before of [[], broken, foreign]) {
        const bytes = encode([`${tag}query[A] x from 10.0.0.1`, ...before, matter].join("\n"))
        assert.deepStrictEqual(makeLogScanner(options).scan(bytes).entries, slowly(bytes))
      }
    }
    for (const tag of tags) {
      // One line at a time, or the lines between would teach the scanner other framings.
      for (const line of [...ofDhcp, ...lures, ...tags.flatMap(dns)]) {
        const bytes = encode(`${tag}query[A] x from 10.0.0.1\n${line}\n`)
        const { entries } = makeLogScanner(options).scan(bytes)
        assert.deepStrictEqual(entries.map((entry) => entry.line), slowly(bytes).map((entry) => entry.line))
      }
    }
  })

  it.prop("gives what its lines give one by one", [Lines], ([picked]) => {
    const bytes = log(picked)
    assert.deepStrictEqual(makeLogScanner(options).scan(bytes).entries, slowly(bytes))
  }, { arbitrary: { runs: 300, size: 60 } })

  it.prop("gives the same entries wherever it is cut", [
    Lines,
    Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 400 })))
  ], ([picked, sizes]) => {
    const bytes = log(picked)
    const scanner = makeLogScanner(options)
    const found: Array<LogEntry> = []
    let start = 0
    let end = 0
    let lines = 0
    for (let turn = 0; start < bytes.length; turn++) {
      end = Math.min(bytes.length, end + (sizes[turn % sizes.length] ?? 100))
      const scanned = scanner.scan(bytes.subarray(start, end))
      for (const entry of scanned.entries) {
        found.push({ ...entry, offset: start + entry.offset, index: lines + entry.index })
      }
      lines += scanned.lines
      start += scanned.consumed
    }
    assert.deepStrictEqual(found, slowly(bytes))
  }, { arbitrary: { runs: 300, size: 40 } })

  it.prop("of any bytes does no harm", [Schema.Uint8Array], ([bytes]) => {
    const { consumed, lines } = makeLogScanner(options).scan(bytes)
    assert.strictEqual(consumed, bytes.lastIndexOf(10) + 1)
    assert.strictEqual(lines, bytes.filter((byte) => byte === 10).length)
  }, { arbitrary: { runs: 300, size: 200 } })

  it("decodes what is not ASCII and shows control characters as such", () => {
    const [entry] = makeLogScanner(options).scan(
      Uint8Array.of(...encode("dnsmasq-dhcp: 9 vendor class: \u001b[1mé\u0000"), 0xff, 0xc3, ...encode("\r\n"))
    ).entries
    assert.strictEqual(entry?.line, "dnsmasq-dhcp: 9 vendor class: \ufffd[1mé\ufffd\ufffd\ufffd")
    assert.strictEqual(entry?.record.text, "\ufffd[1mé\ufffd\ufffd\ufffd")
  })

  it("finds the line after the NULs of a power cut", () => {
    const line = "Nov 22 03:50:23 dnsmasq-dhcp[7]: DHCPACK(e0) 10.0.0.1 02:00:00:00:00:01 nas"
    const { entries, overlong } = makeLogScanner(options).scan(encode(`${"\0".repeat(100_000)}${line}\n`))
    assert.strictEqual(entries[0]?.line, line)
    assert.strictEqual(entries[0]?.length, 100_000 + line.length + 1)
    assert.strictEqual(overlong, 0)
  })

  it("counts a line of any length and reads the next", () => {
    const next = "Nov 22 03:50:23 dnsmasq-dhcp[7]: DHCPACK(e0) 10.0.0.1 02:00:00:00:00:01 nas\n"
    for (const length of [8193, 40_000, 20_000_000]) {
      const long = `dnsmasq-dhcp: 9 vendor class: ${"x".repeat(length - 30)}\n`
      const { entries, lines, overlong } = makeLogScanner(options).scan(encode(long + next))
      assert.deepStrictEqual(entries.map(({ index }) => index), [1])
      assert.deepStrictEqual([lines, overlong], [2, 1])
    }
    const longest = `dnsmasq-dhcp: 9 vendor class: ${"x".repeat(8192 - 30)}\n`
    assert.strictEqual(makeLogScanner(options).scan(encode(longest)).entries.length, 1)
  })

  it("follows the clock of its caller", () => {
    const scanner = makeLogScanner({ zone: "UTC" })
    const bytes = encode("Dec 24 18:00:00 dnsmasq-dhcp[7]: DHCPDISCOVER(e0) 02:00:00:00:00:01\n")
    const yearAt = (now: string) => scanner.scan(bytes, Date.parse(now)).entries[0]?.record.at?.slice(0, 4)
    assert.deepStrictEqual([yearAt("2026-06-01T00:00:00Z"), yearAt("2026-12-25T00:00:00Z")], ["2025", "2026"])
  })
})

describe("a stream", () => {
  it.prop("gives the same entries and line numbers however it arrives", [
    Lines,
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 300 })),
    Schema.Boolean
  ], ([picked, size, ended]) => {
    const whole = log(picked)
    const bytes = ended ? whole : whole.subarray(0, -1)
    const reader = makeLogReader(options)
    const found = []
    for (let at = 0; at < bytes.length; at += size) found.push(...reader.read(bytes.subarray(at, at + size)))
    found.push(...reader.end())
    assert.deepStrictEqual(
      found.map(({ entry, line }) => ({ line, text: entry.line, record: entry.record })),
      slowly(whole).map(({ index, line, record }) => ({ line: index + 1, text: line, record }))
    )
  }, { arbitrary: { runs: 200, size: 40 } })

  it("keeps nothing of a line that is too long", () => {
    const reader = makeLogReader(options)
    const piece = encode("x".repeat(65_536))
    const before = process.memoryUsage().arrayBuffers
    for (let turn = 0; turn < 200; turn++) assert.deepStrictEqual(reader.read(piece), [])
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 4_000_000)
    reader.read(encode("\n"))
    const [found] = reader.read(encode("dnsmasq-dhcp: DHCPDISCOVER(e0) 02:00:00:00:00:01\n"))
    assert.strictEqual(found?.line, 2)
    reader.read(piece)
    reader.end()
    assert.deepStrictEqual(reader.counts(), { lines: 3, overlong: 2 })
  })

  it("finds the line after the NULs of a power cut, however many", () => {
    const reader = makeLogReader(options)
    for (let turn = 0; turn < 100; turn++) reader.read(new Uint8Array(65_536))
    assert.strictEqual(reader.read(encode("dnsmasq-dhcp: DHCPDISCOVER(e0) 02:00:00:00:00:01\n")).length, 1)
    assert.deepStrictEqual(reader.counts(), { lines: 1, overlong: 0 })
  })
})
