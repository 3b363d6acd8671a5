import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { parseLeaseFile } from "../src/index.ts"
import { readFixture } from "./corpus.ts"

const text = (name: string) => new TextDecoder().decode(readFixture(`leases/${name}`))

const orAbsent = <A extends Schema.Top>(schema: A) => Schema.NullOr(schema)

const Expected = Schema.Struct({
  file: Schema.String,
  line: Schema.Int,
  kind: Schema.Literals(["lease4", "lease6", "server-duid"]),
  expires: orAbsent(Schema.Int),
  hwtype: orAbsent(Schema.Int),
  mac: orAbsent(Schema.String),
  ip: orAbsent(Schema.String),
  hostname: orAbsent(Schema.String),
  clientid: orAbsent(Schema.String),
  iaid: orAbsent(Schema.Int),
  temporary: orAbsent(Schema.Boolean),
  duid: orAbsent(Schema.String)
})
const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Expected))
const expected = text("expected.jsonl").trimEnd().split("\n").map((line) => decode(line))

const withoutNull = (fields: object) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))

describe("the captured lease files", () => {
  for (const file of ["2.85.leases", "2.90.leases"]) {
    it(`are parsed as expected: ${file}`, () => {
      const records = expected.filter((record) => record.file === file)
      const parsed = parseLeaseFile(text(file))
      assert.deepStrictEqual(
        parsed.leases.map(withoutNull),
        records.filter(({ kind }) => kind !== "server-duid").map((record) => {
          const { clientid, file: _, hwtype, kind, ...fields } = record
          return withoutNull({
            ...fields,
            family: kind === "lease4" ? 4 : 6,
            hardwareType: hwtype,
            clientId: clientid
          })
        })
      )
      assert.strictEqual(parsed.serverDuid, records.find(({ kind }) => kind === "server-duid")?.duid)
      assert.deepStrictEqual(parsed.unknown, [])
      assert.isFalse(parsed.torn)
    })
  }
})

describe("a lease file", () => {
  it("may hold an infinite lease, a temporary address, and what 2.93 adds", () => {
    const parsed = parseLeaseFile([
      "0 02:00:00:00:00:01 10.0.0.1 printer 01:02:00:00:00:00:01",
      "1795324912 20- 10.0.0.2 * ff:00",
      "duid 00:01",
      "1795324912 T77 fd99::1 * 00:03",
      "vendorclass 10.0.0.1 4d:53",
      "agent-info fd99::1 01:02",
      ""
    ].join("\n"))
    assert.deepStrictEqual(parsed, {
      leases: [
        {
          family: 4,
          line: 1,
          expires: 0,
          hardwareType: 1,
          mac: "02:00:00:00:00:01",
          ip: "10.0.0.1",
          hostname: "printer",
          clientId: "01:02:00:00:00:00:01"
        },
        { family: 4, line: 2, expires: 1_795_324_912, hardwareType: 32, ip: "10.0.0.2", clientId: "ff:00" },
        { family: 6, line: 4, expires: 1_795_324_912, iaid: 77, temporary: true, ip: "fd99::1", duid: "00:03" }
      ],
      serverDuid: "00:01",
      unknown: [],
      torn: false
    })
  })

  it("is torn when it is empty, cut, or holds lines of two versions", () => {
    const lease = "1795324912 02:00:00:00:00:01 10.0.0.1 nas *\n"
    const six = "1795324912 1 fd99::1 * 00:03\n"
    for (
      const torn of [
        "",
        lease.slice(0, -1),
        `${lease}1795324912 02:00:00:00:00:02 10.0.`,
        lease + lease,
        `duid 00:01\n${lease}`,
        `${lease}${six}`,
        "duid 00:01\nduid 00:01\n"
      ]
    ) assert.isTrue(parseLeaseFile(torn).torn, torn)
    assert.isFalse(parseLeaseFile(`${lease}duid 00:01\n${six}`).torn)
  })

  it("shows lines that are nothing known without believing them", () => {
    for (
      const line of [
        "1795324912 02:00:00:00:00:01 10.0.0.1 nas",
        "1795324912 02:00:00:00:00:01 10.0.0.1 nas * more",
        "1795324912 02:00:00:00:00:01 10.0.0.256 nas *",
        "1795324912 02:00:00:00:00:0 10.0.0.1 nas *",
        "1795324912 * 10.0.0.1 nas *",
        "soon 02:00:00:00:00:01 10.0.0.1 nas *",
        "1795324912 02:00:00:00:00:01 10.0.0.1 n,as *",
        "1795324912 4294967296 fd99::1 nas *",
        "1795324912 02:00:00:00:00:01 fd99::1 nas *",
        "duid",
        "# a comment"
      ]
    )
      assert.deepStrictEqual(parseLeaseFile(`${line}\n`), {
        leases: [],
        unknown: [{ line: 1, text: line }],
        torn: false
      })
    assert.strictEqual(parseLeaseFile("a\u001b[1m\n").unknown[0]?.text, "a\ufffd[1m")
  })

  it.prop("that was cut anywhere gives whole leases only, and is torn unless it was cut at a line's end", [
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4273 }))
  ], ([end]) => {
    const whole = text("2.90.leases")
    const cut = whole.slice(0, end)
    const { leases, torn } = parseLeaseFile(cut)
    const known = parseLeaseFile(whole).leases
    const complete = leases.filter(({ line }) => line <= cut.split("\n").length - 1)
    assert.deepStrictEqual(complete, known.slice(0, complete.length))
    assert.strictEqual(torn, !cut.endsWith("\n"))
  }, { arbitrary: { runs: 300 } })

  it.prop("of any text is parsed without a throw", [Schema.String], ([any]) => {
    for (const { hostname } of parseLeaseFile(`1 02:00:00:00:00:01 10.0.0.1 ${any} *\n${any}\n`).leases) {
      assert.match(hostname ?? "x", /^[A-Za-z0-9._-]+$/)
    }
  })
})
