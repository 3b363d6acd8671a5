/** Why the registry believes what it believes of a system: in words, and by the log lines behind it. */
import type { Mac } from "@leasehold/events"
import { Postgres } from "@leasehold/runtime"
import { Context, Effect, Layer } from "effect"
import type { KnownSystem } from "./KnownSystem.ts"
import { type Background, reasonsOf } from "./reasons.ts"

export interface Evidence {
  readonly at: string
  readonly server: string
  readonly kind: string
  readonly address: string
  readonly held: boolean
  readonly eventId: string
  /** File, journal or socket, where the event was read. */
  readonly source: string | null
  readonly position: string | null
  readonly line: string | null
}

// Sightings are kept by address: the history says which addresses a MAC had.
const evidenceSql = `
  SELECT iso_timestamp(e.at) AS at, e.server, e.kind, host(e.address) AS address, e.held, e.event_id AS "eventId",
    coalesce(e.provenance ->> 'path', e.provenance ->> 'source') AS source, e.provenance ->> 'position' AS position,
    e.provenance ->> 'line' AS line
  FROM (
    SELECT server, address FROM address_history WHERE mac = $1::macaddr
    GROUP BY server, address ORDER BY max(coalesce(upper(during), 'infinity')) DESC LIMIT 1000
  ) AS h
  CROSS JOIN LATERAL (
    SELECT s.* FROM sightings s WHERE s.server = h.server AND s.address = h.address AND s.mac = $1::macaddr
    ORDER BY s.at DESC, s.event_id DESC LIMIT $2
  ) AS e
  ORDER BY e.at DESC, e.event_id DESC LIMIT $2`
const backgroundSql = `
  SELECT s.first_name AS "firstName", left(s.first_name_stamp, 27) AS "firstNameAt", left(s.address_stamp, 27) AS "addressAt",
    s.address_server AS "addressServer", n.policy AS "subnetPolicy", n.reserve_randomised AS "reserveRandomised", (
      SELECT jsonb_build_object('actor', c.actor, 'at', iso_timestamp(c.at), 'change', c.change::text) FROM change_log c
      WHERE c.entity = 'system' AND c.key = s.mac::text AND c.after ->> 'name' = s.name
        AND c.after ->> 'name_source' = 'administrator'
      ORDER BY c.id DESC LIMIT 1) AS "namedBy", (
      SELECT jsonb_build_object('actor', c.actor, 'at', iso_timestamp(c.at), 'change', c.change::text) FROM change_log c
      WHERE c.entity = 'system' AND c.key = s.mac::text AND c.after ->> 'state' = s.state
        AND c.before ->> 'state' <> s.state
      ORDER BY c.id DESC LIMIT 1) AS "stateBy", coalesce((
      SELECT jsonb_agg(jsonb_build_object('id', r.id::text, 'address', host(r.address), 'name', r.name, 'source', r.source,
        'enabled', r.enabled, 'ignore', r.ignore, 'subnet', r.subnet::text, 'createdAt', iso_timestamp(r.created_at))
        ORDER BY r.id) FROM reservations r WHERE r.mac = s.mac), '[]') AS reservations
  FROM systems s LEFT JOIN subnets n ON n.cidr >>= s.address
  WHERE s.mac = $1::macaddr`

export class Explanation extends Context.Service<Explanation, {
  explain(
    system: KnownSystem,
    limit: number
  ): Effect.Effect<{ readonly reasons: ReadonlyArray<string>; readonly evidence: ReadonlyArray<Evidence> }>
}>()("registry/systems/Explanation") {
  static readonly layer = Layer.effect(
    Explanation,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      return Explanation.of({
        explain: Effect.fn("Explanation.explain")(
          function*(system: KnownSystem & { readonly mac: Mac | string }, limit: number) {
            const [evidence, [background]] = yield* Effect.all([
              postgres.query<Evidence>(evidenceSql, [system.mac, limit]),
              postgres.query<Background>(backgroundSql, [system.mac])
            ])
            return { reasons: background === undefined ? [] : reasonsOf(system, background), evidence }
          },
          Effect.orDie
        )
      })
    })
  )
}
