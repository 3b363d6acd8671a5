/**
 * What is shown of a thing, said once for every form of output: a table, a list of fields, CSV and JSON.
 *
 * Lists stay lists in JSON; a table joins them with commas, CSV with blanks. Times are local with their zone where people
 * read them, and RFC 3339 in UTC where programs do.
 */
import { formatInstant, formatLocal, type Instant } from "../time.ts"
import { harmless } from "./harmless.ts"

export type Value = string | number | bigint | boolean | Instant | undefined | ReadonlyArray<string>

export type Colour = "green" | "yellow" | "red" | "dim"

export interface Column<Row> {
  /** The name of the field in JSON and CSV; its title in a table is made of it. */
  readonly key: string
  readonly value: (row: Row) => Value
  /** Shown in JSON, CSV and `show`, not in a table. */
  readonly detail?: boolean
  /** What the thing is known by: in a narrow table it is cut last. */
  readonly keep?: boolean
  /** What a table says where there is no value. */
  readonly instead?: (row: Row) => string
  /** In place of the value where people read it, and all of it would be too much. */
  readonly brief?: (row: Row) => Value
  readonly colour?: (row: Row) => Colour | undefined
}

export const isInstant = (value: Value): value is Instant =>
  typeof value === "object" && !Array.isArray(value) && "seconds" in value

const isList = (value: Value): value is ReadonlyArray<string> => Array.isArray(value)

/** `first_seen` as a title: `FIRST SEEN`. */
export const titleOf = ({ key }: { readonly key: string }): string => key.replaceAll("_", " ").toUpperCase()

const plain = (value: Exclude<Value, Instant>, separator: string): string => {
  if (value === undefined) return ""
  if (typeof value === "boolean") return value ? "yes" : "no"
  return isList(value) ? value.join(separator) : String(value)
}

/** What people are shown of a row. */
export const shownOf = <Row>({ brief, value }: Column<Row>, row: Row): Value => (brief ?? value)(row)

/** For people; nothing in it can harm a terminal. */
export const cellText = (value: Value, zone: string | undefined): string =>
  harmless(isInstant(value) ? formatLocal(value, zone) : plain(value, ", "))

/** For a cell of CSV, before it is quoted. */
export const csvText = (value: Value): string => {
  if (isInstant(value)) return formatInstant(value)
  return harmless(typeof value === "boolean" ? String(value) : plain(value, " "))
}

/** For JSON: numbers where they are exact, null for what is not there. */
export const jsonValue = (value: Value): unknown => {
  if (value === undefined) return null
  if (isInstant(value)) return formatInstant(value)
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return value
}
