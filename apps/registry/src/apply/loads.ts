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
    user_class AS "userClass", user_class_stamp AS "userClassStamp",
    host(first_address) AS "firstAddress", first_address_stamp AS "firstAddressStamp", vendor, reserved::text[]
  FROM systems WHERE `
const systemsByMacSql = `${systemsSql} mac = ANY ($1::macaddr[])`
/** More than one of each, because a rival may be under another policy. */
const rivalsSql = `${systemsSql} mac IN (
  SELECT r.mac FROM unnest($1::text[]) AS k (label) CROSS JOIN LATERAL (
    SELECT mac FROM systems
    WHERE name_without_digits(name, mac) = k.label AND name_source = 'client' AND name_without_digits(name, mac) IS NOT NULL
    ORDER BY first_name_stamp DESC LIMIT 8
  ) AS r)`
const namedSql =
  `${systemsSql} mac > $1::macaddr AND name_source IN ('client', 'generated') ORDER BY systems.mac LIMIT $2`

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
  SELECT mac::text, name, 'held' AS how FROM systems WHERE name = ANY ($1::text[])
  UNION ALL
  SELECT mac::text, name, 'reserved' FROM reservations WHERE name = ANY ($1::text[]) AND source <> 'auto'
  UNION ALL
  SELECT mac::text, name, 'disputed' FROM name_conflicts WHERE name = ANY ($1::text[])`

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

const systemsFrom = (
  query: Effect.Effect<ReadonlyArray<System>, PostgresError>
): Effect.Effect<ReadonlyArray<System>, PostgresError> =>
  Effect.map(
    query,
    (rows) =>
      rows.map((row) => ({ ...row, firstSeen: toTimestamp(row.firstSeen), lastSeen: toTimestamp(row.lastSeen) }))
  )

export const loadSystems = (client: Client, macs: ReadonlyArray<Mac>) =>
  systemsFrom(client.query<System>(systemsByMacSql, [macs], "systems"))

/** Systems that have a suffix to one of the labels: those whose names were told last. */
export const loadRivals = (client: Client, labels: ReadonlyArray<string>) =>
  systemsFrom(
    client.query<System>(rivalsSql, [[
      ...new Set(labels.flatMap((label) => [label.slice(0, 56), label.slice(0, 50)]))
    ]], "rivals")
  )

/** Systems that a policy named, a page in the order of their MACs. */
export const loadNamed = (client: Client, after: string, limit: number) =>
  systemsFrom(client.query<System>(namedSql, [after, limit]))

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
  /** Names of which it is known, and was announced, that several want them. */
  readonly disputed: Set<string>
}

export const nothingTaken = (): Taken => ({
  names: new Set(),
  holders: new Map(),
  reserved: new Map(),
  disputed: new Set()
})

export const loadTaken = Effect.fnUntraced(function*(client: Client, names: ReadonlyArray<string>) {
  const rows = yield* client.query<{ mac: Mac; name: string; how: "held" | "reserved" | "disputed" }>(
    takenSql,
    [names],
    "taken"
  )
  const taken = { ...nothingTaken(), names: new Set(names) }
  for (const { how, mac, name } of rows) {
    if (how === "held") taken.holders.set(name, mac)
    else if (how === "reserved") taken.reserved.set(name, [...taken.reserved.get(name) ?? [], mac])
    else taken.disputed.add(name)
  }
  return taken
})

/** Asks for names that were not asked for yet. */
export const loadMore = Effect.fnUntraced(function*(
  ask: (names: ReadonlyArray<string>) => Effect.Effect<Taken, PostgresError>,
  taken: Taken,
  names: Iterable<string>
) {
  const unknown = [...new Set(names)].filter((name) => !taken.names.has(name))
  if (unknown.length === 0) return
  const more = yield* ask(unknown)
  more.names.forEach((name) => taken.names.add(name))
  more.holders.forEach((mac, name) => taken.holders.set(name, mac))
  more.reserved.forEach((macs, name) => taken.reserved.set(name, macs))
  more.disputed.forEach((name) => taken.disputed.add(name))
})
