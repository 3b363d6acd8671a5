/** What a batch has to know: one question for all of its MACs or addresses at a time. */
import type { Mac } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import { Effect } from "effect"
import type { Stretch } from "../history/refold.ts"
import type { Place, Sighting } from "./foldEvents.ts"
import type { System } from "./system.ts"

const stretchesSql = `
  SELECT k.n::int - 1 AS n, h.mac::text, iso_timestamp(lower(h.during)) AS since, iso_timestamp(upper(h.during)) AS until
  FROM unnest($1::text[], $2::inet[], $3::timestamptz[]) WITH ORDINALITY AS k (server, address, at, n)
  JOIN address_history h ON h.server = k.server AND h.address = k.address
    AND coalesce(upper(h.during), 'infinity') >= k.at`

const sightingsSql = `
  SELECT k.n::int - 1 AS n, s.mac::text, s.held, iso_timestamp(s.at) || ' ' || s.event_id AS stamp
  FROM unnest($1::text[], $2::inet[], $3::timestamptz[]) WITH ORDINALITY AS k (server, address, at, n)
  JOIN sightings s ON s.server = k.server AND s.address = k.address AND s.at >= k.at`

const systemsSql = `
  SELECT mac::text, name, name_source AS "nameSource",
    iso_timestamp(first_seen) AS "firstSeen", iso_timestamp(last_seen) AS "lastSeen",
    host(address) AS address, address_server AS "addressServer", address_stamp AS "addressStamp",
    server, server_stamp AS "serverStamp", interface, interface_stamp AS "interfaceStamp",
    client_name AS "clientName", first_name AS "firstName", first_name_stamp AS "firstNameStamp",
    said_name AS "saidName", said_name_stamp AS "saidNameStamp",
    suffixed_name AS "suffixedName", suffixed_name_stamp AS "suffixedNameStamp",
    vendor_class AS "vendorClass", vendor_class_stamp AS "vendorClassStamp",
    user_class AS "userClass", user_class_stamp AS "userClassStamp"
  FROM systems WHERE mac = ANY ($1::macaddr[])`

const holdingsSql = `
  SELECT h.mac::text, h.server, host(h.address) AS address, iso_timestamp(s.at) || ' ' || s.event_id AS stamp
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
  SELECT mac::text, name, id FROM reservations WHERE mac = ANY ($1::macaddr[]) AND source <> 'auto'
  ORDER BY reservation`

const takenSql = `
  SELECT mac::text, name, false AS reserved FROM systems WHERE name = ANY ($1::text[])
  UNION ALL
  SELECT mac::text, name, true FROM reservations WHERE name = ANY ($1::text[]) AND source <> 'auto'`

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
    client.query<Stretch & { readonly n: number }>(stretchesSql, keys),
    client.query<Sighting & { readonly n: number }>(sightingsSql, keys)
  ], { concurrency: 2 })
  const evidence = places.map((): Evidence => ({ stretches: [], sightings: [] }))
  for (const { n, ...stretch } of stretches) evidence[n]?.stretches.push(stretch)
  for (const { n, ...sighting } of sightings) evidence[n]?.sightings.push(sighting)
  return evidence
})

export const loadSystems = (client: Client, macs: ReadonlyArray<Mac>) => client.query<System>(systemsSql, [macs])

export interface Holding {
  readonly mac: Mac
  readonly server: System["server"]
  readonly address: string
  readonly stamp: string
}

/** Every address that the MACs hold now. */
export const loadHoldings = (client: Client, macs: ReadonlyArray<Mac>) => client.query<Holding>(holdingsSql, [macs])

/** What administrators decided about the names of a MAC. */
export interface Decided {
  /** The name of its reservation; the oldest where it has several. */
  readonly reserved: string | undefined
  readonly given: ReadonlySet<string>
}

export const loadDecided = Effect.fnUntraced(function*(client: Client, macs: ReadonlyArray<Mac>) {
  const rows = yield* client.query<{ mac: Mac; name: string; reservation: string | null }>(decidedSql, [macs])
  const decided = new Map<Mac, { reserved: string | undefined; given: Set<string> }>()
  for (const { mac, name, reservation } of rows) {
    const one = decided.get(mac) ?? { reserved: undefined, given: new Set() }
    if (reservation === null) one.given.add(name)
    else one.reserved ??= name
    decided.set(mac, one)
  }
  return decided
})

/** Who has the names already, and for whom administrators reserved them. */
export const loadTaken = Effect.fnUntraced(function*(client: Client, names: ReadonlyArray<string>) {
  const rows = yield* client.query<{ mac: Mac; name: string; reserved: boolean }>(takenSql, [names])
  const holders = new Map<string, Mac>()
  const reserved = new Map<string, Array<Mac>>()
  for (const { mac, name, reserved: isReserved } of rows) {
    if (isReserved) reserved.set(name, [...reserved.get(name) ?? [], mac])
    else holders.set(name, mac)
  }
  return { holders, reserved }
})
