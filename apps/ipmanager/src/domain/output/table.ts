/**
 * Rows under titles, in columns. Where a width is given (a terminal's) the widest columns give way until the table fits;
 * elsewhere nothing is cut.
 */
import { cellText, type Colour, type Column, titleOf } from "./Column.ts"
import { padEnd, padStart, textWidth, truncate } from "./width.ts"

export interface TableOptions {
  /** Of the terminal. */
  readonly width?: number | undefined
  readonly colour?: boolean
  /** IANA time zone; the machine's where there is none. */
  readonly zone?: string | undefined
}

const gap = "  "
const narrowest = 6

const codes: Readonly<Record<Colour | "bold", number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 }

export const paint = (text: string, colour: Colour | "bold" | undefined, enabled: boolean): string =>
  enabled && colour !== undefined && text.trim() !== "" ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text

/** Takes from the widest column, again and again, until all fit or none can give any more. */
const fit = (natural: ReadonlyArray<number>, available: number): ReadonlyArray<number> => {
  const widths = [...natural]
  let excess = widths.reduce((sum, width) => sum + width, 0) - available
  while (excess > 0) {
    const widest = Math.max(...widths)
    if (widest <= narrowest) break
    const next = Math.max(narrowest, ...widths.filter((width) => width < widest))
    const sharers = widths.filter((width) => width === widest).length
    const cut = Math.max(1, Math.min(widest - next, Math.ceil(excess / sharers)))
    for (const [index, width] of widths.entries()) {
      if (width !== widest || excess <= 0) continue
      const taken = Math.min(cut, excess)
      widths[index] = width - taken
      excess -= taken
    }
  }
  return widths
}

export const renderTable = <Row>(
  columns: ReadonlyArray<Column<Row>>,
  rows: ReadonlyArray<Row>,
  { colour = false, width, zone }: TableOptions = {}
): string => {
  const shown = columns.filter(({ detail }) => detail !== true)
  const cells = rows.map((row) => shown.map(({ value }) => cellText(value(row), zone)))
  const numbers = shown.map(({ value }) =>
    rows.some((row) => ["number", "bigint"].includes(typeof value(row)))
    && rows.every((row) => ["number", "bigint", "undefined"].includes(typeof value(row)))
  )
  const natural = shown.map((column, index) =>
    cells.reduce((widest, line) => Math.max(widest, textWidth(line[index] ?? "")), titleOf(column).length)
  )
  const widths = width === undefined ? natural : fit(natural, width - gap.length * (shown.length - 1))
  const line = (texts: ReadonlyArray<string>, colours: (index: number) => Colour | "bold" | undefined) =>
    texts.map((text, index) => {
      const room = widths[index] ?? 0
      const cut = truncate(text, room)
      const isLast = index === texts.length - 1
      const padded = numbers[index] === true ? padStart(cut, room) : isLast ? cut : padEnd(cut, room)
      return paint(padded, colours(index), colour)
    }).join(gap).trimEnd()
  return [
    line(shown.map(titleOf), () => "bold"),
    ...rows.map((row, index) => line(cells[index] ?? [], (column) => shown[column]?.colour?.(row)))
  ].join("\n")
}

/** One thing, a field a line; fields that say nothing are left out. */
export const renderRecord = <Row>(
  columns: ReadonlyArray<Column<Row>>,
  row: Row,
  { colour = false, zone }: TableOptions = {}
): string => {
  const fields = columns.flatMap((column) => {
    const text = cellText(column.value(row), zone)
    return text === "" ? [] : [{ column, text, title: column.key.replaceAll("_", " ") }]
  })
  const width = Math.max(0, ...fields.map(({ title }) => title.length))
  return fields.map(({ column, text, title }) =>
    `${paint(padEnd(title, width), "bold", colour)}${gap}${paint(text, column.colour?.(row), colour)}`
  ).join("\n")
}
