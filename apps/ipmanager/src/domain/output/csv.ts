/**
 * CSV as RFC 4180 has it: a line of names, CRLF, quotes where they are needed.
 *
 * A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a return for a formula; such a cell gets a `'`
 * before it. `readCell` takes exactly that `'` away again, so that what was exported is what is imported.
 */
import { type Column, csvText, type Value } from "./Column.ts"

const formula = /^'*\s*[=+\-@\t\r]/u

export const guardCell = (text: string): string => (formula.test(text) ? `'${text}` : text)
export const readCell = (text: string): string => (text.startsWith("'") && formula.test(text) ? text.slice(1) : text)

const quoted = (text: string): string => /[",\r\n]|^\s|\s$/u.test(text) ? `"${text.replaceAll("\"", "\"\"")}"` : text

// What a program counted is no formula.
const cellOf = (value: Value): string =>
  typeof value === "number" || typeof value === "bigint" ? String(value) : quoted(guardCell(csvText(value)))

export const csvHeader = <Row>(columns: ReadonlyArray<Column<Row>>): string =>
  `${columns.map(({ key }) => quoted(key)).join(",")}\r\n`

export const csvRow = <Row>(columns: ReadonlyArray<Column<Row>>, row: Row): string =>
  `${columns.map(({ value }) => cellOf(value(row))).join(",")}\r\n`

export interface CsvRecord {
  /** Where it begins, from 1. */
  readonly line: number
  readonly cells: ReadonlyArray<string>
}

export interface CsvText {
  readonly records: ReadonlyArray<CsvRecord>
  /** A quote that is never closed begins there. */
  readonly openQuote?: number
}

/** The separator that the first line has most of. */
const separatorOf = (text: string): string => {
  const [first = ""] = text.split(/\r?\n/u, 1)
  const count = (separator: string) => first.split(separator).length
  return [",", ";", "\t"].reduce((best, next) => (count(next) > count(best) ? next : best))
}

/** Reads CSV with commas, semicolons or tabs; with or without a byte order mark; any line ends. Empty lines are left out. */
export const parseCsv = (whole: string): CsvText => {
  const text = whole.replace(/^\ufeff/u, "").replace(/\r\n?/gu, "\n")
  const separator = separatorOf(text)
  const records: Array<CsvRecord> = []
  let cells: Array<string> = []
  let cell = ""
  let line = 1
  let begin = 1
  let quotedSince: number | undefined
  let wasQuoted = false

  // Blanks around a cell count for nothing, unless they are quoted.
  const endCell = () => {
    cells.push(wasQuoted ? cell : cell.trim())
    cell = ""
    wasQuoted = false
  }
  const endRecord = () => {
    endCell()
    if (cells.some((content) => content.trim() !== "")) records.push({ line: begin, cells })
    cells = []
  }
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (character === "\n") line++
    if (quotedSince !== undefined) {
      if (character !== "\"") cell += character
      else if (text.charAt(at + 1) === "\"") {
        cell += "\""
        at++
      } else quotedSince = undefined
    } else if (character === "\"" && cell.trim() === "" && !wasQuoted) {
      cell = ""
      wasQuoted = true
      quotedSince = line
    } else if (character === separator) endCell()
    else if (character === "\n") {
      endRecord()
      begin = line
    } else if (!(wasQuoted && character.trim() === "")) cell += character
  }
  if (cell !== "" || cells.length > 0) endRecord()
  return { records, ...(quotedSince === undefined ? {} : { openQuote: quotedSince }) }
}
