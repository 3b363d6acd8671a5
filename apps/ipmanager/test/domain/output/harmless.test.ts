import { assert, describe, it } from "vitest"
import { type Column } from "../../../src/domain/output/Column.ts"
import { csvHeader, csvRow, guardCell, parseCsv, readCell } from "../../../src/domain/output/csv.ts"
import { harmless } from "../../../src/domain/output/harmless.ts"
import { jsonObject, jsonText } from "../../../src/domain/output/json.ts"
import { renderRecord, renderTable } from "../../../src/domain/output/table.ts"
import { acts, hostile } from "../../hostile.ts"

interface Row {
  readonly name: string
  readonly list: ReadonlyArray<string>
}
const columns: ReadonlyArray<Column<Row>> = [
  { key: "name", value: ({ name }) => name },
  { key: "list", value: ({ list }) => list },
  { key: "after", value: () => "after" }
]

describe("hostile values", () => {
  for (const [what, value] of Object.entries(hostile)) {
    const row = { name: value, list: [value, "second"] }

    it(`${what} stays on its line of a table, and does nothing to the terminal`, () => {
      const text = renderTable(columns, [row, { name: "b", list: [] }])
      assert.notMatch(text, acts)
      assert.strictEqual(text.split("\n").length, 3)
    })

    it(`${what} stays on its line of a record`, () => {
      const text = renderRecord(columns, row)
      assert.notMatch(text, acts)
      assert.isAtMost(text.split("\n").length, 3)
    })

    it(`${what} stays in its cell of CSV, and is no formula there`, () => {
      const text = csvHeader(columns) + csvRow(columns, row)
      assert.notMatch(text.replaceAll("\r\n", "\n"), acts)
      const { records } = parseCsv(text)
      assert.strictEqual(records.length, 2)
      assert.strictEqual(records[1]?.cells.length, 3)
      assert.strictEqual(records[1]?.cells[2], "after")
      for (const cell of records[1]?.cells ?? []) assert.notMatch(cell, /^\s*[=+\-@\t\r]/u)
    })

    it(`${what} is in JSON what it was, written without what a terminal acts upon`, () => {
      const text = jsonText(jsonObject(columns, row))
      assert.notMatch(text, acts)
      assert.notInclude(text, "\n")
      const back: unknown = JSON.parse(text)
      assert.deepStrictEqual(back, { ...row, after: "after" })
    })
  }

  it("are shown as what they are", () => {
    assert.strictEqual(harmless("a\u001b[31mb\u202ec\nd"), "a\\x1b[31mb\\u202ec\\x0ad")
    assert.strictEqual(harmless("Müller 東京 👩‍👩‍👧"), "Müller 東京 👩‍👩‍👧")
  })

  it("are guarded in CSV so that reading takes exactly the guard away", () => {
    for (const text of ["=1+1", " =1", "'=1", "''=1", "'", "'a", "-", "+49 30", "@x", "a=b", ""]) {
      assert.strictEqual(readCell(guardCell(text)), text)
    }
    assert.strictEqual(guardCell("=1"), "'=1")
    assert.strictEqual(guardCell("plain"), "plain")
  })

  it("do not make a formula of a number that was counted", () => {
    const counted: ReadonlyArray<Column<number>> = [{ key: "count", value: (count) => count }]
    assert.strictEqual(csvRow(counted, -1), "-1\r\n")
  })
})
