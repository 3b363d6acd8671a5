/** What a batch has to know: one question for all of its MACs or addresses at a time. */
import type { Mac } from "@leasehold/events"
import type { Client, PostgresError } from "@leasehold/runtime"
import { Effect } from "effect"
import type { Stretch } from "../history/refold.ts"
import type { Place, Sighting } from "./foldEvents.ts"
import type { System } from "./system.ts"

// `OFFSET 0` keeps the planner to one look into the index for each address, however small or large the tables are.
const stretchesSql = `
  SELECT k.n::int - 1 AS n, h.mac::text, lower(h.during) AS since, upper(h.during) AS until
  FROM unnest($1::text[], $2::inet[], $3::timestamptz[]) WITH ORDINALITY AS k (server, address, at, n)
  CROSS JOIN LATERAL (
    SELECT mac, during FROM address_history
    WHERE server = k.server AND address = k.address AND coalesce(upper(during), 'infinity') >= k.at OFFSET 0
  ) AS h`

const sightingsSql = `
  SELECT k.n::int - 1 AS n, s.mac::text, s.held, s.at, s.event_id AS id
  FROM unnest($1::text[], $2::inet[], $3::timestamptz[]) WITH ORDINALITY AS k (server, address, at, n)
  CROSS JOIN LATERAL (
    SELECT mac, held, at, event_id FROM sightings
    WHERE server = k.server AND address = k.address AND at >= k.at OFFSET 0
  ) AS s`

const systemsSql = `
  SELECT mac::text, name, name_source AS "nameSource",
    first_seen AS "firstSeen", last_seen AS "lastSeen",
    host(address) AS address, address_server AS "addressServer", address_stamp AS "addressStamp",
    server, server_stamp AS "serverStamp", interface, interface_stamp AS "interfaceStamp",
    client_name AS "clientName", first_name AS "firstName", first_name_stamp AS "firstNameStamp",
    said_name AS "saidName", said_name_stamp AS "saidNameStamp",
    suffixed_name AS "suffixedName", suffixed_name_stamp AS "suffixedNameStamp",
    vendor_class AS "vendorClass", vendor_class_stamp AS "vendorClassStamp",
    user_class AS "userClass", user_class_stamp AS "userClassStamp", reserved::text[]
  FROM systems WHERE mac = ANY ($1::macaddr[])`

const holdingsSql = `
  SELECT h.mac::text, h.server, host(h.address) AS address, s.at, s.event_id AS id
  FROM address_history h
  CROSS JOIN LATERAL (
    SELECT at, event_id FROM sightings
    WHERE server = h.server AND address = h.address AND held
    ORDER BY at DESC, event_id DESC LIMIT 1
  ) AS s
  WHERE h.mac = ANY ($1::macaddr[]) AND upper_inf(h.during)`

const decidedSql = `
  SELECT mac::text, name, NULL AS reservation FROM given_names WHERE mac = ANY ($1::macaddr[])
  UNION ALL
  SELECT mac::text, name, id FROM reservations WHERE mac = ANY ($1::macaddr[]) AND source <> 'auto' AND name IS NOT NULL
  ORDER BY reservation`

const takenSql = `
  SELECT mac::text, name, false AS reserved FROM systems WHERE name = ANY ($1::text[])
  UNION ALL
  SELECT mac::text, name, true FROM reservations WHERE name = ANY ($1::text[]) AND source <> 'auto'`

/** PostgreSQL's own text of a time in UTC as the bus has it; converting there costs more than everything else that is asked. */
const toTimestamp = (text: string): string =>
  `${text.slice(0, 10)}T${text.slice(11, 19)}.${text.slice(20, -3).padEnd(6, "0")}Z`

/** What is known about an address: who held it until the batch's first event or later, and what was seen since. */
export interface Evidence {
  readonly stretches: Array<Stretch>
  readonly sightings: Array<Sighting>
}

/** Evidence by the places' order. */
export const loadEvidence = Effect.fnUntraced(function*(client: Client, places: ReadonlyArray<Place>) {
  const keys = [
    places.map(({ server }) => server),
    places.map(({ address }) => address),
    places.map(({ from }) => from.slice(0, 27))
  ]
  const [stretches, sightings] = yield* Effect.all([
    client.query<Stretch & { readonly n: number }>(stretchesSql, keys, "stretches"),
    client.query<{ n: number; mac: Mac; held: boolean; at: string; id: string }>(sightingsSql, keys, "sightings")
  ], { concurrency: 2 })
  const evidence = places.map((): Evidence => ({ stretches: [], sightings: [] }))
  for (const { mac, n, since, until } of stretches) {
    evidence[n]?.stretches.push({ mac, since: toTimestamp(since), until: until === null ? null : toTimestamp(until) })
  }
  for (const { at, held, id, mac, n } of sightings) {
    evidence[n]?.sightings.push({ mac, held, stamp: `${toTimestamp(at)} ${id}` })
  }
  return evidence
})

export const loadSystems = (
  client: Client,
  macs: ReadonlyArray<Mac>
): Effect.Effect<ReadonlyArray<System>, PostgresError> =>
  Effect.map(
    client.query<System>(systemsSql, [macs], "systems"),
    (rows) =>
      rows.map((row) => ({ ...row, firstSeen: toTimestamp(row.firstSeen), lastSeen: toTimestamp(row.lastSeen) }))
  )

export interface Holding {
  readonly mac: Mac
  readonly server: System["server"]
  readonly address: string
  readonly stamp: string
}

/** Every address that the MACs hold now. */
export const loadHoldings = (
  client: Client,
  macs: ReadonlyArray<Mac>
): Effect.Effect<ReadonlyArray<Holding>, PostgresError> =>
  Effect.map(
    client.query<Omit<Holding, "stamp"> & { at: string; id: string }>(holdingsSql, [macs], "holdings"),
    (rows) => rows.map(({ at, id, ...held }) => ({ ...held, stamp: `${toTimestamp(at)} ${id}` }))
  )

/** What administrators decided about the names of a MAC. */
export interface Decided {
  /** The name of its reservation; the oldest where it has several. */
  readonly reserved: string | undefined
  readonly given: ReadonlySet<string>
}

export const loadDecided = Effect.fnUntraced(function*(client: Client, macs: ReadonlyArray<Mac>) {
  const rows = yield* client.query<{ mac: Mac; name: string; reservation: string | null }>(
    decidedSql,
    [macs],
    "decided"
  )
  const decided = new Map<Mac, { reserved: string | undefined; given: Set<string> }>()
  for (const { mac, name, reservation } of rows) {
    const one = decided.get(mac) ?? { reserved: undefined, given: new Set() }
    if (reservation === null) one.given.add(name)
    else one.reserved ??= name
    decided.set(mac, one)
  }
  return decided
})

/** Who has names already, and for whom administrators reserved them. */
export interface Taken {
  /** The names that were asked for. */
  readonly names: Set<string>
  readonly holders: Map<string, Mac>
  readonly reserved: Map<string, ReadonlyArray<Mac>>
}

export const loadTaken = Effect.fnUntraced(function*(client: Client, names: ReadonlyArray<string>) {
  const rows = yield* client.query<{ mac: Mac; name: string; reserved: boolean }>(takenSql, [names], "taken")
  const holders = new Map<string, Mac>()
  const reserved = new Map<string, ReadonlyArray<Mac>>()
  for (const { mac, name, reserved: isReserved } of rows) {
    if (isReserved) reserved.set(name, [...reserved.get(name) ?? [], mac])
    else holders.set(name, mac)
  }
  return { names: new Set(names), holders, reserved } satisfies Taken
})
