import { assert, describe, it } from "@effect/vitest"
import { type LogRecord, makeLogParser } from "../src/index.ts"
import { type Expected, expected, files, linesOf } from "./corpus.ts"

const FIELDS = ["mac", "ip", "interface", "hostname", "xid", "duid", "reason"] as const

/** What the expectations speak of. An `other` line is asked for nothing but its transaction. */
const asked = (record: Expected | LogRecord) =>
  Object.fromEntries(
    ["kind" as const, ...(record.kind === "other" ? ["xid" as const] : FIELDS)]
      .filter((field) => record[field] !== undefined)
      .map((field) => [field, record[field]])
  )

/** dnsmasq-dhcp does not write notices of loss, so the captures count them with other programs' lines. */
const isLoss = (record: LogRecord) => record.subkind === "overflow" || record.subkind === "rate-limited"

/** A translated free text is known to nobody; rsyslog's folding is read, not named. */
const hasSubkind = ({ file, subkind }: Expected) =>
  subkind !== undefined && subkind !== "rsyslog-repeat" && !file.startsWith("locale-")

describe("the captured logs", () => {
  for (const file of files) {
    it(`are parsed as expected: ${file}`, () => {
      const lines = linesOf(file)
      const parser = makeLogParser({ year: 2026 })
      const lineRecords = expected.filter((record) => record.file === file)
      assert.strictEqual(lineRecords.length, lines.filter((line) => line !== "").length)
      for (const record of lineRecords) {
        const parsed = parser.parse(lines[record.line - 1] ?? "")
        if (record.ambiguous === true || (record.kind === null && isLoss(parsed))) continue
        assert.deepStrictEqual(asked(parsed), asked(record), `line ${record.line}`)
        if (hasSubkind(record)) assert.strictEqual(parsed.subkind, record.subkind, `line ${record.line}`)
      }
    })
  }

  it("give every event a time, except where dnsmasq writes none", () => {
    for (const file of files) {
      const parser = makeLogParser({ year: 2026 })
      const events = linesOf(file).map(parser.parse).filter(({ kind }) => kind !== null)
      const timed = events.filter(({ at }) => at?.startsWith("2026-11-22T0") === true)
      assert.strictEqual(timed.length, file.startsWith("stderr-") ? 0 : events.length, file)
    }
  })

  it("say how many messages rsyslog dropped and how often it saw one again", () => {
    const records = linesOf("syslog-repeated-ratelimited.log").map(makeLogParser({ year: 2026 }).parse)
    assert.deepStrictEqual(records.filter(isLoss).map(({ lost, pid }) => ({ lost, pid })), [
      { lost: undefined, pid: 28395 },
      { lost: 30, pid: 28395 }
    ])
    assert.deepStrictEqual(records[14], {
      kind: "discover",
      at: "2026-11-22T04:35:30.000000Z",
      pid: 28395,
      interface: "br-lan",
      mac: "02:31:00:00:00:09",
      reason: "no address available",
      count: 5
    })
  })
})
