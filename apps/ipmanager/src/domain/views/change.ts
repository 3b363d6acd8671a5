/** Changes as they are told: who decided what, and what it was before. */
import type { Change, ChangedRow } from "@leasehold/registry-api"
import type { Column } from "../output/Column.ts"

const orAbsent = (number: bigint): bigint | undefined => (number === 0n ? undefined : number)

const rowText = ({ after, before, entity, label }: ChangedRow): string => {
  const sign = before === "" ? "+" : after === "" ? "-" : "~"
  return `${sign} ${entity} ${label}`
}

/** The first so many of them, and how many more there are. */
const rowTexts = ({ rowCount, rows }: Change, most: number): ReadonlyArray<string> => {
  const told = rows.slice(0, most).map(rowText)
  const more = rowCount - BigInt(told.length)
  return more > 0n ? [...told, `and ${more} more`] : told
}

/** Rows of a change that a line has room for; `--fields` and programs are told more. */
const fewRows = 3

export const changeColumns: ReadonlyArray<Column<Change>> = [
  { key: "id", keep: true, value: ({ id }) => id },
  { key: "at", keep: true, value: ({ at }) => at },
  { key: "actor", value: ({ actor }) => actor },
  { key: "action", value: ({ action }) => action },
  {
    key: "rows",
    value: (change) => rowTexts(change, change.rows.length),
    brief: (change) => rowTexts(change, fewRows)
  },
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

/**
 * What a change did to others than those that it is about, a line each: automatic reservations that it ended, and names
 * that passed on.
 *
 * @param macs whom it is about
 */
export const consequences = ({ rows }: Change, macs: ReadonlyArray<string>): ReadonlyArray<string> => {
  const all = rows.map((row) => ({ row, before: fieldsOf(row.before), after: fieldsOf(row.after) }))
  const isOwn = (mac: unknown) => typeof mac === "string" && macs.includes(mac)
  const taken = new Set(
    all.flatMap(({ after, row }) => row.entity === "reservation" && isOwn(after["mac"]) ? [after["address"]] : [])
  )
  return all.flatMap(({ after, before, row }) => {
    // A system is known by its MAC, with which its label begins.
    const [first = ""] = row.label.split(" ", 1)
    if (row.before === "" || isOwn(row.entity === "system" ? first : before["mac"])) return []
    if (row.entity === "reservation" && row.after === "") {
      // Nothing else gives way.
      if (before["source"] !== "auto") return []
      const address = textOf(before["address"])
      const holder = textOf(before["name"]) ?? textOf(before["mac"]) ?? row.label
      return address !== undefined && taken.has(address)
        ? [`takes ${address} from ${holder} (automatic)`]
        : [`ends the automatic reservation ${row.label}`]
    }
    const [was, is] = [textOf(before["name"]), textOf(after["name"])]
    return row.after === "" || was === undefined || is === undefined || was === is
      ? []
      : [`renames ${first} from ${was} to ${is}`]
  })
}
