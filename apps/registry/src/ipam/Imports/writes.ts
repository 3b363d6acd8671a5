/**
 * Writes what an import comes to, in sets: what goes, what changes, what is new. No statement that would do
 * nothing. Automatic reservations whose name is wanted get another from the database.
 */
import type { Client } from "@leasehold/runtime"
import { Effect } from "effect"
import type { Reservation } from "../model.ts"
import { secondsOf } from "../Subnets/rows.ts"
import type { Plan } from "./model.ts"

const removeSql = "DELETE FROM reservations WHERE id = ANY ($1::bigint[]) OR also_of = ANY ($1::bigint[])"
const partSql = `
  DELETE FROM reservations r USING unnest($1::bigint[], $2::macaddr[]) AS k (id, mac)
  WHERE r.also_of = k.id AND r.mac = k.mac`
const takeSql = "UPDATE reservations SET source = 'import' WHERE id = ANY ($1::bigint[])"
const vacateSql = "UPDATE reservations SET address = NULL WHERE id = ANY ($1::bigint[])"
const columns = "(subnet_id, mac, address, name, ignore, lease_time, enabled, source, comment)"
const given = `unnest($1::bigint[], $2::macaddr[], $3::inet[], $4::text[], $5::boolean[], $6::float8[], $7::boolean[],
  $8::text[], $9::text[]`
const updateSql = `
  UPDATE reservations r SET ${columns} = ROW (k.subnet_id, k.mac, k.address, k.name, k.ignore,
    make_interval(secs => k.seconds), k.enabled, 'import', k.comment)
  FROM ${given}, $10::bigint[])
    AS k (subnet_id, mac, address, name, ignore, seconds, enabled, source, comment, id)
  WHERE r.id = k.id`
const insertSql = `
  INSERT INTO reservations ${columns}
  SELECT k.subnet_id, k.mac, k.address, k.name, k.ignore, make_interval(secs => k.seconds), k.enabled, k.source, k.comment
  FROM ${given}) AS k (subnet_id, mac, address, name, ignore, seconds, enabled, source, comment)
  ORDER BY k.address`
const joinSql = `
  INSERT INTO reservations (mac, also_of)
  SELECT k.mac, r.id FROM unnest($1::bigint[], $2::macaddr[], $3::macaddr[]) AS k (subnet_id, first, mac)
  JOIN reservations r ON r.subnet_id = k.subnet_id AND r.mac = k.first`
const forgetSql = "DELETE FROM address_holds WHERE address = ANY ($1::inet[])"

const arrays = (rows: ReadonlyArray<Reservation>): ReadonlyArray<ReadonlyArray<unknown>> => [
  rows.map(({ subnetId }) => subnetId),
  rows.map(({ macs }) => macs[0]),
  rows.map(({ address }) => address ?? null),
  rows.map(({ name }) => name ?? null),
  rows.map(({ ignore }) => ignore),
  rows.map(({ leaseTime }) => secondsOf(leaseTime)),
  rows.map(({ enabled }) => enabled),
  rows.map(({ source }) => source),
  rows.map(({ comment }) => comment === "" ? null : comment)
]

export const writePlan = Effect.fnUntraced(function*(client: Client, plan: Plan) {
  const run = (sql: string, count: number, values: () => ReadonlyArray<unknown>) =>
    count === 0 ? Effect.void : Effect.asVoid(client.query(sql, values()))
  const created = plan.created.map(({ after }) => after)
  const changed = plan.changed.map(({ after }) => after)

  const gone = [...plan.removed, ...plan.ended].map(({ id }) => id)
  yield* run(removeSql, gone.length, () => [gone])
  const parted = plan.changed.flatMap(({ after, before }) =>
    before.macs.slice(1).filter((mac) => !after.macs.slice(1).includes(mac)).map((mac) => ({ id: before.id, mac }))
  )
  yield* run(partSql, parted.length, () => [parted.map(({ id }) => id), parted.map(({ mac }) => mac)])
  // Automatic ones would give way to those that get their name, in the middle of their own change.
  const names = new Set(changed.map(({ name }) => name))
  const yielding = plan.changed.flatMap(({ after, before }) =>
    before.source === "auto" && before.name !== after.name && names.has(before.name) ? [before.id] : []
  )
  yield* run(takeSql, yielding.length, () => [yielding])
  // Addresses that pass from one to another would be in two places for a moment.
  const wanted = new Set(changed.map(({ address }) => address))
  const vacating = plan.changed.flatMap(({ after, before }) =>
    before.address !== undefined && before.address !== after.address && wanted.has(before.address) ? [before.id] : []
  )
  yield* run(vacateSql, vacating.length, () => [vacating])
  yield* run(updateSql, changed.length, () => [...arrays(changed), changed.map(({ id }) => id)])
  yield* run(insertSql, created.length, () => arrays(created))

  const joined = [
    ...created.flatMap(({ macs, subnetId }) => macs.slice(1).map((mac) => ({ subnetId, first: macs[0], mac }))),
    ...plan.changed.flatMap(({ after, before }) =>
      after.macs.slice(1).filter((mac) => !before.macs.slice(1).includes(mac))
        .map((mac) => ({ subnetId: after.subnetId, first: after.macs[0], mac }))
    )
  ]
  yield* run(joinSql, joined.length, () => [
    joined.map(({ subnetId }) => subnetId),
    joined.map(({ first }) => first),
    joined.map(({ mac }) => mac)
  ])
  const addresses = [...created, ...changed].flatMap(({ address }) => address ?? [])
  yield* run(forgetSql, addresses.length, () => [addresses])
})
