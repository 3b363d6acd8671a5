/**
 * CSV with a line of names. Besides our own names it knows those that others give: `hwaddr`, `ip address`, `hostname`.
 *
 * Several MACs stand in one cell, with blanks or semicolons between them. Cells of our own export read as they were.
 */
import { parseCsv, readCell } from "../output/csv.ts"
import { type Gathered, type ImportProblem, leftOut, refuse } from "./ImportItem.ts"
import { fieldOf, isOurs, readRow } from "./row.ts"

export const readCsv = (file: string, text: string): Gathered => {
  const { openQuote, records } = parseCsv(text)
  const [header, ...rows] = records
  const problems: Array<ImportProblem> = []
  if (openQuote !== undefined) {
    return { items: [], problems: [refuse({ file, line: openQuote }, "line", "a quote is opened and never closed")] }
  }
  const fields = header?.cells.map(fieldOf) ?? []
  const place = { file, line: header?.line ?? 1 }
  if (header === undefined || !fields.includes("macs")) {
    const message = "expected a first line with the names of the columns, one of them `mac`"
    return { items: [], problems: [refuse(place, "header", message)] }
  }
  for (const [index, title] of header.cells.entries()) {
    if (fields[index] !== undefined) {
      if (fields.indexOf(fields[index]) < index)
        problems.push(refuse(place, "header", `two columns say ${fields[index]}`))
    } else if (!isOurs(title)) {
      problems.push(leftOut(place, "header", `the column ${JSON.stringify(title)} is not imported`))
    }
  }
  const items = rows.map(({ cells, line }) =>
    readRow({
      place: { file, line },
      get: (field) => {
        const text = readCell(cells[fields.indexOf(field)] ?? "")
        return field === "comment" ? text : text.trim()
      }
    }, problems)
  )
  return { items, problems }
}
