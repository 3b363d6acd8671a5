/** Reservations as PostgreSQL has them, each with all of its MACs, and how one is found by what a person calls it. */
import { Ipv4, Mac } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import { Effect, Option, Schema } from "effect"
import { ApiError } from "../../api/ApiError.ts"
import { describe, type Reservation } from "../model.ts"
import { leaseTimeOf } from "../Subnets/rows.ts"

const Row = Schema.Struct({
  id: Schema.String,
  macs: Schema.Array(Mac),
  address: Schema.NullOr(Ipv4),
  name: Schema.NullOr(Schema.String),
  subnet_id: Schema.String,
  subnet: Schema.String,
  domain: Schema.String,
  lease_seconds: Schema.NullOr(Schema.Finite),
  enabled: Schema.Boolean,
  ignore: Schema.Boolean,
  source: Schema.Literals(["administrator", "auto", "import"]),
  comment: Schema.NullOr(Schema.String),
  created_at: Schema.String,
  updated_at: Schema.String,
  servers: Schema.Array(Schema.String)
})
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(Row))

const reservation = (row: typeof Row.Type): Reservation => ({
  id: row.id,
  macs: row.macs,
  address: row.address ?? undefined,
  name: row.name ?? undefined,
  subnetId: row.subnet_id,
  subnet: row.subnet,
  domain: row.domain,
  leaseTime: leaseTimeOf(row.lease_seconds),
  enabled: row.enabled,
  ignore: row.ignore,
  source: row.source,
  comment: row.comment ?? "",
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  servers: row.servers
})

const columns = `
  r.id::text, ARRAY[r.mac::text] || ARRAY(SELECT m.mac::text FROM reservations m WHERE m.also_of = r.id ORDER BY m.id) AS macs,
  host(r.address) AS address, r.name, r.subnet_id::text, r.subnet::text, r.domain,
  CASE WHEN r.lease_time IS NOT NULL
    THEN least(extract(epoch FROM r.lease_time), 2147483648) END::float8 AS lease_seconds, r.enabled, r.ignore, r.source, r.comment,
  iso_timestamp(r.created_at) AS created_at, iso_timestamp(greatest(
    r.updated_at, (SELECT max(m.updated_at) FROM reservations m WHERE m.also_of = r.id))) AS updated_at,
  ARRAY(SELECT a.server FROM subnet_servers a WHERE r.enabled AND a.subnet_id = r.subnet_id ORDER BY a.server) AS servers`

/** @param condition on `r`, the row of a reservation's first MAC */
export const loadReservations = Effect.fnUntraced(function*(
  client: Client,
  condition: string,
  values: ReadonlyArray<unknown>,
  rest = "ORDER BY r.address, r.id"
) {
  const text = `SELECT ${columns} FROM reservations r WHERE r.also_of IS NULL AND (${condition}) ${rest}`
  return (yield* Effect.orDie(decodeRows(yield* client.query(text, values)))).map(reservation)
})

const decodeMac = Schema.decodeUnknownOption(Mac)
const decodeAddress = Schema.decodeUnknownOption(Ipv4)
/** Identifiers that PostgreSQL can count to. */
const identifier = /^[1-9][0-9]{0,17}$/u

const conditionOf = (key: string): readonly [condition: string, values: ReadonlyArray<unknown>] => {
  if (identifier.test(key)) return ["r.id = $1::bigint", [key]]
  const mac = Option.getOrUndefined(decodeMac(key))
  if (mac !== undefined) {
    return ["r.id IN (SELECT coalesce(m.also_of, m.id) FROM reservations m WHERE m.mac = $1::macaddr)", [mac]]
  }
  if (Option.isSome(decodeAddress(key))) return ["r.address = $1::inet", [key]]
  const lower = key.toLowerCase().replace(/\.$/u, "")
  const dot = lower.indexOf(".")
  return dot < 0
    ? ["r.name = $1", [lower]]
    : ["r.name = $1 AND r.domain = $2", [lower.slice(0, dot), lower.slice(dot + 1)]]
}

/** The one reservation with that identifier, address, name, `name.domain` or MAC. */
export const findReservation = Effect.fnUntraced(function*(client: Client, key: string) {
  if (key === "") return yield* ApiError.invalid("key", "an identifier, address, name, name.domain or MAC", key)
  const [condition, values] = conditionOf(key)
  const found = yield* loadReservations(client, condition, values, "ORDER BY r.address, r.id LIMIT 6")
  const [only, another] = found
  if (only === undefined) return yield* ApiError.refuse("not-found", "no reservation is called so", "key")
  if (another === undefined) return only
  const candidates = found.slice(0, 5).map((one) => `${describe(one)} in ${one.subnet}`).join("; ")
  return yield* ApiError.refuse(
    "failed-precondition",
    `several reservations are called so, take one by its id: ${candidates}${found.length > 5 ? "; …" : ""}`,
    "key"
  )
})
