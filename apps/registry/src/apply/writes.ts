/** What a batch changes: one statement for all of its rows at a time, and none where nothing changed. */
import type { DhcpEvent } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import type { Stretch } from "../history/refold.ts"
import type { NewSighting, Place } from "./foldEvents.ts"
import { idOf, timeOf } from "./stamp.ts"

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
  ], "insert-sightings")

export interface StretchRow extends Stretch {
  readonly place: Place
}

export const deleteStretches = (client: Client, rows: ReadonlyArray<StretchRow>) =>
  client.query(deleteStretchesSql, [
    rows.map(({ place }) => place.server),
    rows.map(({ place }) => place.address),
    rows.map(({ until }) => until)
  ], "delete-stretches")

export const insertStretches = (client: Client, rows: ReadonlyArray<StretchRow>) =>
  client.query(insertStretchesSql, [
    rows.map(({ place }) => place.server),
    rows.map(({ place }) => place.address),
    rows.map(({ mac }) => mac),
    rows.map(({ since }) => since),
    rows.map(({ until }) => until)
  ], "insert-stretches")

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
