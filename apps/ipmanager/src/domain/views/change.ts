/** Changes as they are told: who decided what, and what it was before. */
import type { Change, ChangedRow } from "@leasehold/registry-api"
import type { Column } from "../output/Column.ts"

const orAbsent = (number: bigint): bigint | undefined => (number === 0n ? undefined : number)

const rowText = ({ after, before, entity, label }: ChangedRow): string => {
  const sign = before === "" ? "+" : after === "" ? "-" : "~"
  return `${sign} ${entity} ${label}`
}

const moreText = ({ rowCount, rows }: Change): ReadonlyArray<string> =>
  rowCount > BigInt(rows.length) ? [`and ${rowCount - BigInt(rows.length)} more`] : []

export const changeColumns: ReadonlyArray<Column<Change>> = [
  { key: "id", keep: true, value: ({ id }) => id },
  { key: "at", keep: true, value: ({ at }) => at },
  { key: "actor", value: ({ actor }) => actor },
  { key: "action", value: ({ action }) => action },
  { key: "rows", value: (change) => [...change.rows.map(rowText), ...moreText(change)] },
  { key: "row_count", value: ({ rowCount }) => rowCount, detail: true },
  { key: "undoes", value: ({ undoes }) => orAbsent(undoes) },
  { key: "undone_by", value: ({ undoneBy }) => orAbsent(undoneBy) }
]

type Fields = Readonly<Record<string, unknown>>

const fieldsOf = (json: string): Fields => {
  try {
    const value: unknown = json === "" ? {} : JSON.parse(json)
    return typeof value === "object" && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

export interface FieldChange {
  readonly entity: string
  readonly label: string
  readonly field: string
  readonly before: string | undefined
  readonly after: string | undefined
}

/** dnsmasq's infinite, as the registry keeps it: the most seconds that there are. */
const infinite = "596523:14:08"

const textOf = (value: unknown): string | undefined => {
  if (value === undefined || value === null) return undefined
  if (value === infinite) return "infinite"
  return typeof value === "string" ? value : JSON.stringify(value)
}

/** Field by field what a change did to a row. */
export const fieldChanges = (row: ChangedRow): ReadonlyArray<FieldChange> => {
  const [before, after] = [fieldsOf(row.before), fieldsOf(row.after)]
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((field) => {
    const [was, is] = [textOf(before[field]), textOf(after[field])]
    return was === is ? [] : [{ entity: row.entity, label: row.label, field, before: was, after: is }]
  })
}

export const fieldChangeColumns: ReadonlyArray<Column<FieldChange>> = [
  { key: "entity", value: ({ entity }) => entity },
  { key: "label", value: ({ label }) => label },
  { key: "field", value: ({ field }) => field },
  { key: "before", value: ({ before }) => before },
  { key: "after", value: ({ after }) => after }
]
