import { assert, describe, it } from "vitest"
import type { Column } from "../../../src/domain/output/Column.ts"
import { renderRecord, renderTable } from "../../../src/domain/output/table.ts"
import { textWidth, truncate } from "../../../src/domain/output/width.ts"

interface Row {
  readonly name: string
  readonly count: number
  readonly note?: string
}
const columns: ReadonlyArray<Column<Row>> = [
  { key: "name", value: ({ name }) => name },
  { key: "count", value: ({ count }) => count },
  { key: "long_note", value: ({ note }) => note },
  { key: "hidden", value: () => "only in show", detail: true }
]

describe("tables", () => {
  it("align text to the left, numbers to the right, and end no line in blanks", () => {
    assert.strictEqual(
      renderTable(columns, [{ name: "nas", count: 7 }, { name: "printer", count: 1200, note: "hall" }]),
      ["NAME     COUNT  LONG NOTE", "nas          7", "printer   1200  hall"].join("\n")
    )
  })

  it("give way where they are wider than the terminal, the widest column first", () => {
    const rows = [{ name: "nas", count: 7, note: "a long note that does not fit into forty columns" }]
    const text = renderTable(columns, rows, { width: 40 })
    for (const line of text.split("\n")) assert.isAtMost(textWidth(line), 40)
    assert.include(text, "…")
    assert.include(text, "nas")
  })

  it("keep whole what a thing is known by: other columns give way, and go, first", () => {
    const hosts: ReadonlyArray<Column<Row>> = [
      { key: "name", keep: true, value: ({ name }) => name },
      { key: "empty", value: () => undefined },
      { key: "note", value: ({ note }) => note },
      { key: "count", value: ({ count }) => count }
    ]
    const rows = [{ name: "52:54:00:12:34:56", count: 1, note: "a note that is long" }]
    const render = (width: number) => renderTable(hosts, rows, { width }).split("\n")
    assert.deepStrictEqual(render(80), [
      "NAME               EMPTY  NOTE                 COUNT",
      "52:54:00:12:34:56         a note that is long      1"
    ])
    assert.deepStrictEqual(render(36), [
      "NAME               NOTE        COUNT",
      "52:54:00:12:34:56  a note th…      1"
    ])
    assert.deepStrictEqual(render(27), ["NAME               NOTE", "52:54:00:12:34:56  a note …"])
    assert.deepStrictEqual(render(20), ["NAME", "52:54:00:12:34:56"])
    assert.strictEqual(
      renderTable([...hosts, { key: "mac", keep: true, value: () => undefined }], rows, { width: 24 }).split("\n")[0],
      "NAME               MAC"
    )
    assert.deepStrictEqual(render(10), ["NAME", "52:54:00:…"])
  })

  it("cut nothing where there is no terminal", () => {
    const note = "x".repeat(500)
    assert.include(renderTable(columns, [{ name: "nas", count: 7, note }]), note)
  })

  it("fit the terminal whatever the characters are wide", () => {
    const rows = [
      { name: "東京東京東京東京東京", count: 1, note: "👩‍👩‍👧 family and a note that is long" },
      { name: "e\u0301tage", count: 22, note: "한국어 텍스트가 여기에 있습니다" }
    ]
    for (const width of [30, 40, 50, 60]) {
      for (const line of renderTable(columns, rows, { width }).split("\n")) assert.isAtMost(textWidth(line), width)
    }
  })

  it("are coloured only where that is asked for", () => {
    const coloured: ReadonlyArray<Column<Row>> = [{ key: "name", value: ({ name }) => name, colour: () => "red" }]
    assert.notInclude(renderTable(coloured, [{ name: "nas", count: 1 }]), "\u001b")
    assert.include(renderTable(coloured, [{ name: "nas", count: 1 }], { colour: true }), "\u001b[31mnas\u001b[0m")
  })

  it("show one thing with all of its fields, but for those that say nothing", () => {
    assert.strictEqual(
      renderRecord(columns, { name: "nas", count: 7 }),
      ["name    nas", "count   7", "hidden  only in show"].join("\n")
    )
  })
})

describe("widths", () => {
  it("count East Asian characters twice, and marks not at all", () => {
    assert.strictEqual(textWidth("abc"), 3)
    assert.strictEqual(textWidth("東京"), 4)
    assert.strictEqual(textWidth("e\u0301"), 1)
    assert.strictEqual(textWidth("👩‍👩‍👧"), 2)
    assert.strictEqual(textWidth("Müller"), 6)
  })

  it("never cut a character in two", () => {
    assert.strictEqual(truncate("東京都", 4), "東…")
    assert.strictEqual(truncate("👩‍👩‍👧👩‍👩‍👧", 3), "👩‍👩‍👧…")
    assert.strictEqual(truncate("abc", 3), "abc")
    assert.strictEqual(truncate("abcd", 3), "ab…")
  })
})
