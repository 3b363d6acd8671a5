/**
 * Rows under titles, in columns. Where a width is given (a terminal's) columns give way until the table fits, those by which
 * a thing is known last; elsewhere nothing is cut.
 */
import { cellText, type Colour, type Column, shownOf, titleOf } from "./Column.ts"
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

/** Takes from the widest of the columns that give way, again and again, until all fit or none can give any more. */
const shrink = (
  natural: ReadonlyArray<number>,
  available: number,
  gives: (index: number) => boolean
): ReadonlyArray<number> => {
  const widths = [...natural]
  let excess = widths.reduce((sum, width) => sum + width, 0) - available
  while (excess > 0) {
    const widest = Math.max(0, ...widths.filter((_, index) => gives(index)))
    if (widest <= narrowest) break
    const index = widths.findLastIndex((width, at) => width === widest && gives(at))
    widths[index] = widest - 1
    excess--
  }
  return widths
}

interface Shown<Row> {
  readonly column: Column<Row>
  readonly cells: ReadonlyArray<string>
  readonly width: number
}

const total = <Row>(shown: ReadonlyArray<Shown<Row>>): number =>
  shown.reduce((sum, { width }) => sum + width, gap.length * (shown.length - 1))

/**
 * Makes columns fit: those that say nothing go, then those that are not to be kept give way, then they go, from the right; at
 * last the others give way.
 */
const fit = <Row>(all: ReadonlyArray<Shown<Row>>, width: number): ReadonlyArray<Shown<Row>> => {
  if (total(all) <= width) return all
  let shown = all.filter(({ cells, column }) => column.keep === true || cells.some((cell) => cell !== ""))
  const given = (gives: (index: number) => boolean) => {
    const widths = shrink(shown.map((one) => one.width), width - gap.length * (shown.length - 1), gives)
    return shown.map((one, index) => ({ ...one, width: widths[index] ?? one.width }))
  }
  for (;;) {
    const fitted = given((index) => shown[index]?.column.keep !== true)
    const last = shown.findLastIndex(({ column }) => column.keep !== true)
    if (total(fitted) <= width) return fitted
    if (last < 0) return given(() => true)
    shown = shown.filter((_, index) => index !== last)
  }
}

export interface FittedTable {
  readonly text: string
  /** How many columns that say something had no room. */
  readonly dropped: number
}

export const fitTable = <Row>(
  columns: ReadonlyArray<Column<Row>>,
  rows: ReadonlyArray<Row>,
  { colour = false, width, zone }: TableOptions = {}
): FittedTable => {
  const natural = columns.filter(({ detail }) => detail !== true).map((column): Shown<Row> => {
    const cells = rows.map((row) => {
      const text = cellText(shownOf(column, row), zone)
      return text === "" && column.instead !== undefined ? column.instead(row) : text
    })
    const widest = cells.reduce((most, cell) => Math.max(most, textWidth(cell)), titleOf(column).length)
    return { column, cells, width: widest }
  })
  const shown = width === undefined ? natural : fit(natural, width)
  const numbers = shown.map(({ column: { value } }) =>
    rows.some((row) => ["number", "bigint"].includes(typeof value(row)))
    && rows.every((row) => ["number", "bigint", "undefined"].includes(typeof value(row)))
  )
  const line = (texts: ReadonlyArray<string>, colours: (index: number) => Colour | "bold" | undefined) =>
    texts.map((text, index) => {
      const room = shown[index]?.width ?? 0
      const cut = truncate(text, room)
      const isLast = index === texts.length - 1
      const padded = numbers[index] === true ? padStart(cut, room) : isLast ? cut : padEnd(cut, room)
      return paint(padded, colours(index), colour)
    }).join(gap).trimEnd()
  const text = [
    line(shown.map(({ column }) => titleOf(column)), () => "bold"),
    ...rows.map((row, index) =>
      line(shown.map(({ cells }) => cells[index] ?? ""), (at) => shown[at]?.column.colour?.(row))
    )
  ].join("\n")
  const isShown = (one: Shown<Row>) => shown.some(({ column }) => column === one.column)
  const dropped = natural.filter((one) => !isShown(one) && one.cells.some((cell) => cell !== "")).length
  return { text, dropped }
}

export const renderTable = <Row>(
  columns: ReadonlyArray<Column<Row>>,
  rows: ReadonlyArray<Row>,
  options?: TableOptions
): string => fitTable(columns, rows, options).text

/** One thing, a field a line; fields that say nothing are left out. */
export const renderRecord = <Row>(
  columns: ReadonlyArray<Column<Row>>,
  row: Row,
  { colour = false, zone }: TableOptions = {}
): string => {
  const fields = columns.flatMap((column) => {
    const text = cellText(shownOf(column, row), zone)
    return text === "" ? [] : [{ column, text, title: column.key.replaceAll("_", " ") }]
  })
  const width = Math.max(0, ...fields.map(({ title }) => title.length))
  return fields.map(({ column, text, title }) =>
    `${paint(padEnd(title, width), "bold", colour)}${gap}${paint(text, column.colour?.(row), colour)}`
  ).join("\n")
}
