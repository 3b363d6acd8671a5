/** What a batch changes: one statement for all of its rows at a time, and none where nothing changed. */
import type { DhcpEvent } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import type { Stretch } from "../history/refold.ts"
import type { NewSighting, Place } from "./foldEvents.ts"
import { idOf, timeOf } from "./stamp.ts"
import type { System } from "./system.ts"

const insertSightingsSql = `
  INSERT INTO sightings (server, address, at, event_id, mac, held, kind, provenance)
  SELECT * FROM unnest(
    $1::text[], $2::inet[], $3::timestamptz[], $4::text[], $5::macaddr[], $6::boolean[], $7::text[], $8::jsonb[])
  ON CONFLICT DO NOTHING`

const deleteStretchesSql = `
  DELETE FROM address_history h
  USING unnest($1::text[], $2::inet[], $3::timestamptz[]) AS k (server, address, until)
  WHERE h.server = k.server AND h.address = k.address
    AND coalesce(upper(h.during), 'infinity') = coalesce(k.until, 'infinity')`

const insertStretchesSql = `
  INSERT INTO address_history (server, address, mac, during)
  SELECT server, address, mac, tstzrange(since, until)
  FROM unnest($1::text[], $2::inet[], $3::macaddr[], $4::timestamptz[], $5::timestamptz[])
    AS k (server, address, mac, since, until)`

/** The columns of a system: its field, the column, its type. */
const systemColumns: ReadonlyArray<readonly [keyof System, string, string]> = [
  ["mac", "mac", "macaddr"],
  ["name", "name", "text"],
  ["nameSource", "name_source", "text"],
  ["firstSeen", "first_seen", "timestamptz"],
  ["lastSeen", "last_seen", "timestamptz"],
  ["address", "address", "inet"],
  ["addressServer", "address_server", "text"],
  ["addressStamp", "address_stamp", "text"],
  ["server", "server", "text"],
  ["serverStamp", "server_stamp", "text"],
  ["interface", "interface", "text"],
  ["interfaceStamp", "interface_stamp", "text"],
  ["clientName", "client_name", "text"],
  ["firstName", "first_name", "text"],
  ["firstNameStamp", "first_name_stamp", "text"],
  ["saidName", "said_name", "text"],
  ["saidNameStamp", "said_name_stamp", "text"],
  ["suffixedName", "suffixed_name", "text"],
  ["suffixedNameStamp", "suffixed_name_stamp", "text"],
  ["vendorClass", "vendor_class", "text"],
  ["vendorClassStamp", "vendor_class_stamp", "text"],
  ["userClass", "user_class", "text"],
  ["userClassStamp", "user_class_stamp", "text"]
]
const columns = systemColumns.map(([, column]) => column).join(", ")
const arrays = systemColumns.map(([, , type], index) => `$${index + 1}::${type}[]`).join(", ")

const insertSystemsSql = `INSERT INTO systems (${columns}) SELECT * FROM unnest(${arrays})`
const updateSystemsSql = `
  UPDATE systems s SET ${systemColumns.slice(1).map(([, column]) => `${column} = k.${column}`).join(", ")}
  FROM unnest(${arrays}) AS k (${columns})
  WHERE s.mac = k.mac`

const followNamesSql = `
  UPDATE reservations r SET name = k.name
  FROM unnest($1::macaddr[], $2::text[]) AS k (mac, name)
  WHERE r.mac = k.mac AND r.source = 'auto' AND r.name <> k.name
    AND NOT EXISTS (SELECT FROM reservations o WHERE o.domain = r.domain AND o.name = k.name AND o.mac <> r.mac AND o.source <> 'auto')`

const insertGapsSql = `
  INSERT INTO gaps (event_id, server, at, reason, lost, since, provenance)
  SELECT * FROM unnest(
    $1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::bigint[], $6::timestamptz[], $7::jsonb[])
  ON CONFLICT DO NOTHING
  RETURNING event_id`

export interface SightingRow extends NewSighting {
  readonly place: Place
}

export const insertSightings = (client: Client, rows: ReadonlyArray<SightingRow>) =>
  client.query(insertSightingsSql, [
    rows.map(({ place }) => place.server),
    rows.map(({ place }) => place.address),
    rows.map(({ stamp }) => timeOf(stamp)),
    rows.map(({ stamp }) => idOf(stamp)),
    rows.map(({ mac }) => mac),
    rows.map(({ held }) => held),
    rows.map(({ kind }) => kind),
    rows.map(({ provenance }) => provenance)
  ])

export interface StretchRow extends Stretch {
  readonly place: Place
}

export const deleteStretches = (client: Client, rows: ReadonlyArray<StretchRow>) =>
  client.query(deleteStretchesSql, [
    rows.map(({ place }) => place.server),
    rows.map(({ place }) => place.address),
    rows.map(({ until }) => until)
  ])

export const insertStretches = (client: Client, rows: ReadonlyArray<StretchRow>) =>
  client.query(insertStretchesSql, [
    rows.map(({ place }) => place.server),
    rows.map(({ place }) => place.address),
    rows.map(({ mac }) => mac),
    rows.map(({ since }) => since),
    rows.map(({ until }) => until)
  ])

const systemArrays = (systems: ReadonlyArray<System>) =>
  systemColumns.map(([field]) => systems.map((system) => system[field]))

export const insertSystems = (client: Client, systems: ReadonlyArray<System>) =>
  client.query(insertSystemsSql, systemArrays(systems))

export const updateSystems = (client: Client, systems: ReadonlyArray<System>) =>
  client.query(updateSystemsSql, systemArrays(systems))

/** Automatic reservations are called like their systems. */
export const followNames = (client: Client, systems: ReadonlyArray<System>) =>
  client.query(followNamesSql, [systems.map(({ mac }) => mac), systems.map(({ name }) => name)])

/** Returns the ids that were not known before. */
export const insertGaps = (client: Client, gaps: ReadonlyArray<DhcpEvent>) =>
  client.query<{ event_id: string }>(insertGapsSql, [
    gaps.map(({ id }) => id),
    gaps.map(({ server }) => server),
    gaps.map(({ at }) => at),
    gaps.map(({ reason }) => reason ?? ""),
    gaps.map(({ lost }) => lost ?? null),
    gaps.map(({ from }) => from ?? null),
    gaps.map(({ provenance }) => provenance === undefined ? null : JSON.stringify(provenance))
  ])
