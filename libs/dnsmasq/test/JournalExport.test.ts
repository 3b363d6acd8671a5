import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { makeLogReader } from "../src/index.ts"

const encode = (text: string) => new TextEncoder().encode(text)

const concat = (...parts: ReadonlyArray<string | Uint8Array>) =>
  Uint8Array.from(parts.flatMap((part) => [...(typeof part === "string" ? encode(part) : part)]))

/** A value with its length, as the journal writes one that is no plain text. */
const long = (name: string, value: Uint8Array) => {
  const length = new DataView(new ArrayBuffer(8))
  length.setBigUint64(0, BigInt(value.length), true)
  return concat(`${name}\n`, new Uint8Array(length.buffer), value, "\n")
}

const cursor = "__CURSOR=s=1;i=1\n__REALTIME_TIMESTAMP=1795319423055763\n"
const dhcp = "SYSLOG_IDENTIFIER=dnsmasq-dhcp\nSYSLOG_PID=7\n"
const discover = "DHCPDISCOVER(e0) 02:00:00:00:00:01"
const record = `${cursor}MESSAGE=${discover}\n${dhcp}\n`
const found = (line: number) => ({
  line,
  kind: "discover" as const,
  at: "2026-11-22T03:50:23.055763Z",
  pid: 7,
  interface: "e0",
  mac: "02:00:00:00:00:01"
})

const read = (bytes: Uint8Array, size = bytes.length) => {
  const reader = makeLogReader({})
  const entries = []
  for (let at = 0; at < bytes.length; at += size) entries.push(...reader.read(bytes.subarray(at, at + size)))
  entries.push(...reader.end())
  return { records: entries.map(({ entry, line }) => ({ line, ...entry.record })), counts: reader.counts() }
}

describe("a journal's export", () => {
  it("is read record by record, however its fields are ordered", () => {
    const other = `${cursor}SYSLOG_IDENTIFIER=sshd\nMESSAGE=${discover}\n\n`
    const { counts, records } = read(concat(record, other, `${cursor}${dhcp}MESSAGE=${discover}\n\n`))
    assert.deepStrictEqual(records, [found(1), found(3)])
    assert.deepStrictEqual(counts, { lines: 3, overlong: 0 })
  })

  it.prop(
    "is the same wherever it is cut",
    [Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 }))],
    ([size]) => {
      const bytes = concat(
        record,
        cursor,
        long("MESSAGE", concat("3 client provides name: a.", Uint8Array.of(0xff, 0xfe, 10))),
        dhcp,
        long("_UNKNOWN", new Uint8Array(20_000)),
        "\n",
        record
      )
      const { records } = read(bytes, size)
      assert.deepStrictEqual(records, [
        found(1),
        {
          line: 2,
          kind: "other",
          subkind: "client-name",
          at: "2026-11-22T03:50:23.055763Z",
          pid: 7,
          xid: 3,
          text: "a.\ufffd\ufffd\ufffd"
        },
        found(3)
      ])
    }
  )

  it("is not forged by a value that holds fields and records", () => {
    const value = encode(`x\n${dhcp}\n${record}`)
    assert.deepStrictEqual(read(concat(cursor, long("MESSAGE", value), "SYSLOG_IDENTIFIER=sshd\n\n")).records, [])
    assert.deepStrictEqual(read(concat(cursor, `MESSAGE=${discover}\nSYSLOG_IDENTIFIER=sshd\n${dhcp}\n`)).records, [])
    assert.deepStrictEqual(
      read(concat(cursor, long("_CMDLINE", concat(value, new Uint8Array(9000))), "\n", record)).records,
      [found(2)]
    )
  })

  it("gives its last record without the empty line, but not one that was cut", () => {
    assert.deepStrictEqual(read(encode(record.slice(0, -1))).records, [found(1)])
    for (const cut of [2, 5, 30, 60]) assert.deepStrictEqual(read(encode(record.slice(0, -cut))).records, [], `${cut}`)
    assert.deepStrictEqual(read(concat(record.slice(0, -1), long("_X", new Uint8Array(9)).subarray(0, -1))).records, [])
  })

  it("keeps nothing of a field that is too long", () => {
    const reader = makeLogReader({})
    reader.read(encode(`${cursor}_X=`))
    const piece = encode("x".repeat(65_536))
    const before = process.memoryUsage().arrayBuffers
    for (let turn = 0; turn < 200; turn++) assert.deepStrictEqual(reader.read(piece), [])
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 4_000_000)
    reader.read(encode(`\nMESSAGE=${"x".repeat(20_000)}\n${dhcp}\n`))
    assert.strictEqual(reader.read(encode(record)).length, 1)
  })

  it("is not what a log is whose first line only begins alike", () => {
    const line = `dnsmasq-dhcp[7]: ${discover}\n`
    for (const first of ["", "_", "__CURSO", "__CURSOR", "\n", "__CURSOR:\n"]) {
      assert.strictEqual(read(encode(`${first}\n${line}`), 3).records.length, 1, first)
    }
    assert.deepStrictEqual(read(encode("__CURS")).counts, { lines: 1, overlong: 0 })
    assert.deepStrictEqual(read(new Uint8Array()).counts, { lines: 0, overlong: 0 })
  })
})
