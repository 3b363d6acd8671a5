/**
 * Writes a reservation with all of its MACs: a row for the first, and one that follows it for each other. Only what
 * differs is written, since each statement has consequences.
 */
import type { Mac } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import { Effect } from "effect"
import type { Reservation, ReservationSource } from "../model.ts"
import { secondsOf } from "../Subnets/rows.ts"

/** All that a row says. */
export type ReservationRow = Pick<
  Reservation,
  "address" | "comment" | "enabled" | "ignore" | "leaseTime" | "macs" | "name" | "source" | "subnetId"
>

const insertSql = `
  INSERT INTO reservations (subnet_id, mac, address, name, ignore, lease_time, enabled, source, comment)
  VALUES ($1::bigint, $2::macaddr, $3::inet, $4, $5::boolean, make_interval(secs => $6::float8), $7::boolean, $8, $9)
  RETURNING id::text`
const updateSql = `
  UPDATE reservations SET (subnet_id, mac, address, name, ignore, lease_time, enabled, source, comment) =
    ROW ($1::bigint, $2::macaddr, $3::inet, $4, $5::boolean, make_interval(secs => $6::float8), $7::boolean, $8, $9)
  WHERE id = $10::bigint`
const joinSql = "INSERT INTO reservations (mac, also_of) SELECT unnest($2::macaddr[]), $1::bigint"
const partSql = "DELETE FROM reservations WHERE also_of = $1::bigint AND mac = ANY ($2::macaddr[])"

const values = (row: ReservationRow): ReadonlyArray<unknown> => [
  row.subnetId,
  row.macs[0],
  row.address ?? null,
  row.name ?? null,
  row.ignore,
  secondsOf(row.leaseTime),
  row.enabled,
  row.source,
  row.comment === "" ? null : row.comment
]

/** The MACs with the one first that stays first, if it is still among them. */
export const withFirst = (first: Mac | undefined, macs: ReadonlyArray<Mac>): ReadonlyArray<Mac> =>
  first !== undefined && macs.includes(first) ? [first, ...macs.filter((mac) => mac !== first)] : macs

/** Returns its id. */
export const insertReservation = Effect.fnUntraced(function*(client: Client, row: ReservationRow) {
  const rows = yield* client.query<{ id: string }>(insertSql, values(row))
  const { id } = yield* Effect.orDie(Effect.fromNullishOr(rows[0]))
  if (row.macs.length > 1) yield* client.query(joinSql, [id, row.macs.slice(1)])
  return id
})

/** Whoever edits an automatic reservation makes it the administrator's. */
const editedSource = (source: ReservationSource): ReservationSource => source === "auto" ? "administrator" : source

export const updateReservation = Effect.fnUntraced(
  function*(client: Client, before: Reservation, wanted: Omit<ReservationRow, "source">) {
    const after: ReservationRow = {
      ...wanted,
      macs: withFirst(before.macs[0], wanted.macs),
      source: editedSource(before.source)
    }
    const gone = before.macs.slice(1).filter((mac) => !after.macs.slice(1).includes(mac))
    const fresh = after.macs.slice(1).filter((mac) => !before.macs.slice(1).includes(mac))
    const rowDiffers = JSON.stringify(values({ ...before, source: after.source })) !== JSON.stringify(values(after))
    if (!rowDiffers && gone.length === 0 && fresh.length === 0) return
    // A MAC that becomes the first must be nobody else's by then.
    if (gone.length > 0) yield* client.query(partSql, [before.id, gone])
    if (rowDiffers || after.source !== before.source) yield* client.query(updateSql, [...values(after), before.id])
    if (fresh.length > 0) yield* client.query(joinSql, [before.id, fresh])
  }
)
