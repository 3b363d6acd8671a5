/**
 * Results in the form that was asked for: a table for people, `--json` or `--csv` for programs.
 *
 * A list in JSON is one array, written as it comes; CSV too. A table waits for all rows, because its columns are as wide as they are.
 */
import { Effect, Stream } from "effect"
import { type Failure, misused } from "./domain/Failure.ts"
import type { Column } from "./domain/output/Column.ts"
import { csvHeader, csvRow } from "./domain/output/csv.ts"
import { jsonObject, jsonText } from "./domain/output/json.ts"
import { fitTable, renderRecord } from "./domain/output/table.ts"
import { Csv, Json } from "./globals.ts"
import { Screen } from "./Screen.ts"

export type Format = "text" | "json" | "csv"

export const format: Effect.Effect<Format, Failure, Effect.Services<typeof Json | typeof Csv>> = Effect.gen(
  function*() {
    const [json, csv] = [yield* Json, yield* Csv]
    if (json && csv) return yield* misused("--json and --csv are two forms of one answer", "Give one of them.")
    return json ? "json" : csv ? "csv" : "text"
  }
)

type Columns<Row> = ReadonlyArray<Column<Row>>

/** A list in a form that was chosen, of which more may come. `none` says on stderr that there is nothing. */
export const printRowsAs = Effect.fnUntraced(function*<Row, E, R>(
  form: Format,
  columns: Columns<Row>,
  rows: Stream.Stream<Row, E, R>,
  none: string
) {
  const screen = yield* Screen
  if (form === "text") {
    const all = yield* Stream.runCollect(rows)
    if (all.length === 0) return yield* screen.err(`${none}\n`)
    const { dropped, text } = fitTable(columns, all, screen)
    yield* screen.out(`${text}\n`)
    if (dropped === 0) return
    const fit = dropped === 1 ? "1 column does not fit" : `${dropped} columns do not fit`
    return yield* screen.err(`${fit}: use --json, or a wider terminal\n`)
  }
  if (form === "csv") {
    yield* screen.out(csvHeader(columns))
    return yield* Stream.runForEachArray(rows, (some) => screen.out(some.map((row) => csvRow(columns, row)).join("")))
  }
  let begun = false
  yield* Stream.runForEachArray(rows, (some) => {
    const text = some.map((row) => jsonText(jsonObject(columns, row))).join(",\n")
    const lead = begun ? ",\n" : "[\n"
    begun = true
    return screen.out(lead + text)
  })
  return yield* screen.out(begun ? "\n]\n" : "[]\n")
})

/** A list in the form that the flags ask for. */
export const printRows = Effect.fnUntraced(function*<Row, E, R>(
  columns: Columns<Row>,
  rows: Stream.Stream<Row, E, R>,
  none: string
) {
  yield* printRowsAs(yield* format, columns, rows, none)
})

/** One thing. */
export const printOne = Effect.fnUntraced(function*<Row>(columns: Columns<Row>, row: Row) {
  const screen = yield* Screen
  const form = yield* format
  if (form === "json") return yield* screen.out(`${jsonText(jsonObject(columns, row), 2)}\n`)
  if (form === "csv") return yield* screen.out(csvHeader(columns) + csvRow(columns, row))
  return yield* screen.out(`${renderRecord(columns, row, screen)}\n`)
})

/** What goes on for ever: a line each, as it happens. */
export const printEvents = Effect.fnUntraced(function*<Row, E, R>(
  columns: Columns<Row>,
  rows: Stream.Stream<Row, E, R>,
  line: (row: Row) => string
) {
  const screen = yield* Screen
  const form = yield* format
  if (form === "csv") yield* screen.out(csvHeader(columns))
  const text = (row: Row) =>
    form === "json"
      ? `${jsonText(jsonObject(columns, row))}\n`
      : form === "csv"
      ? csvRow(columns, row)
      : `${line(row)}\n`
  return yield* Stream.runForEach(rows, (row) => screen.out(text(row)))
})
