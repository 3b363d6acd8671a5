/** Logs of dnsmasq with clients of every kind, and the events that they are, with what was joined to them. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { readFileSync } from "node:fs"
import { makeLogReader, makeTransactions } from "../src/index.ts"

const read = (name: string) => readFileSync(new URL(`./fixtures/captures/${name}`, import.meta.url))

const decode = Schema.decodeUnknownSync(
  Schema.fromJsonString(Schema.Record(Schema.String, Schema.UndefinedOr(Schema.Unknown)))
)

const expected = read("expected.jsonl").toString().trimEnd().split("\n").map((line) => decode(line))

const withoutFile = (event: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(event).filter(([name]) => name !== "file"))

/** The events of a log that comes in pieces of so many bytes. */
const eventsOf = (bytes: Uint8Array, size: number) => {
  const reader = makeLogReader({ year: 2026 })
  const transactions = makeTransactions()
  const found = []
  for (let at = 0; at < bytes.length; at += size) found.push(...reader.read(bytes.subarray(at, at + size)))
  return [...found, ...reader.end()].flatMap(({ entry, line }) => {
    const { subkind: _, text: __, ...event } = transactions.join(entry.record)
    return event.kind === null || event.kind === "other" ? [] : [{ line, ...event }]
  })
}

describe("a captured log", () => {
  for (const file of new Set(expected.map(({ file }) => String(file)))) {
    const events = expected.filter((event) => event["file"] === file).map(withoutFile)

    it(`has these events and no others: ${file}`, () => {
      const found = eventsOf(read(file), 65_536)
      assert.strictEqual(found.length, events.length)
      found.forEach((event, index) => assert.deepEqual(event, events[index]))
    })

    it(`has the same events wherever it is cut: ${file}`, () => {
      const found = eventsOf(read(file), 997)
      found.forEach((event, index) => assert.deepEqual(event, events[index]))
      assert.strictEqual(found.length, events.length)
    })
  }
})
