/**
 * Gives systems their former names back, as far as a change decided them: refused where somebody has such a name by now, and
 * followed by what follows when systems are renamed.
 */
import type { NameSource } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import { Effect } from "effect"
import { ApiError } from "../../api/ApiError.ts"
import type { Caller } from "../../api/Caller.ts"
import { followNamesSql } from "../../apply/writeSystems.ts"
import { insertFacts } from "../../outbox/insertFacts.ts"
import { byItself } from "../byItself.ts"

/** Systems whose name is another before the change ($1) than after it. */
const renamedSql = `
  SELECT mac, before, after FROM (
    SELECT DISTINCT ON (c.key) c.key::macaddr AS mac, first_value(c.before ->> 'name') OVER w AS before,
      last_value(c.after ->> 'name') OVER w AS after
    FROM change_log c WHERE c.change = $1::bigint AND c.relation = 'systems'
    WINDOW w AS (PARTITION BY c.key ORDER BY c.id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
  ) AS c WHERE before <> after`

/** Reservations that are called otherwise before the change ($1) than after it, or are not there after it. */
const reservedSql = `
  SELECT mac, before FROM (
    SELECT DISTINCT ON (c.key) first_value(c.before ->> 'mac') OVER w AS mac, first_value(c.before ->> 'name') OVER w AS before,
      first_value(c.before ->> 'source') OVER w AS source, last_value(c.after ->> 'name') OVER w AS after
    FROM change_log c WHERE c.change = $1::bigint AND c.relation = 'reservations'
    WINDOW w AS (PARTITION BY c.key ORDER BY c.id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
  ) AS c WHERE source <> 'auto' AND before IS DISTINCT FROM after`

const heldSql = `
  WITH k AS MATERIALIZED (${renamedSql}), n AS MATERIALIZED (${reservedSql})
  SELECT k.mac::text, k.before AS name, s.mac::text AS holder, NULL AS reservation
  FROM k JOIN systems s ON s.name = k.before AND s.mac <> k.mac
  WHERE NOT EXISTS (SELECT FROM k AS other WHERE other.mac = s.mac)
  UNION ALL
  SELECT k.mac::text, k.before, r.mac::text, r.id::text
  FROM k JOIN reservations r ON r.name = k.before AND r.source <> 'auto' AND r.mac <> k.mac
  WHERE NOT EXISTS (SELECT FROM reservations o WHERE o.name = k.before AND o.source <> 'auto' AND o.mac = k.mac)
  UNION ALL
  SELECT n.mac, n.before, s.mac::text, NULL
  FROM n JOIN systems s ON s.name = n.before AND s.name_source = 'administrator' AND s.mac::text <> n.mac
  WHERE NOT EXISTS (SELECT FROM n AS other WHERE other.mac = s.mac::text AND other.before = n.before)
    AND NOT EXISTS (SELECT FROM k WHERE k.mac = s.mac)
  ORDER BY 1 LIMIT 1`

/** Fails where a name that is to come back is somebody else's by now, and says whose. */
export const refuseHeldNames = Effect.fnUntraced(function*(client: Client, change: string) {
  const [held] = yield* client.query<{ mac: string; name: string; holder: string; reservation: string | null }>(
    heldSql,
    [
      change
    ]
  )
  if (held === undefined) return
  const whose = held.reservation === null
    ? `${held.holder} is called so by now`
    : `it is reserved for ${held.holder} by now (reservation ${held.reservation})`
  return yield* ApiError.refuse("failed-precondition", `${held.mac} cannot be called ${held.name} again: ${whose}`)
})

const nowSql = `
  WITH k AS MATERIALIZED (${renamedSql})
  SELECT s.mac::text, s.name, s.name_source AS "nameSource", host(s.address) AS address, s.server,
    iso_timestamp(clock_timestamp()) AS at, k.after AS previous
  FROM k JOIN systems s ON s.mac = k.mac ORDER BY s.mac`

interface Renamed {
  readonly mac: string
  readonly name: string
  readonly nameSource: NameSource
  readonly address: string | null
  readonly server: string
  readonly at: string
  readonly previous: string
}

/** What the registry does by itself when they have them again: automatic reservations follow, and it is announced. */
export const followNames = Effect.fnUntraced(function*(client: Client, caller: Caller, change: string) {
  const renamed = yield* client.query<Renamed>(nowSql, [change])
  if (renamed.length === 0) return
  const names = [renamed.map(({ mac }) => mac), renamed.map(({ name }) => name)]
  yield* byItself(
    client,
    caller,
    Effect.all([
      client.query(followNamesSql, names),
      insertFacts(client, renamed.map((one) => ({ type: "system.renamed", ...one }))),
      client.query("NOTIFY outbox")
    ])
  )
})

/** Names as they were, of the rows $2 to $3 of the log. */
export const renameBackSql = `
  SELECT rename_systems(array_agg(mac), array_agg(name), array_agg(source)) FROM (
    SELECT c.key::macaddr AS mac, c.before ->> 'name' AS name, c.before ->> 'name_source' AS source
    FROM change_log c
    WHERE c.change = $1::bigint AND c.relation = 'systems' AND c.id BETWEEN $2::bigint AND $3::bigint
      AND (c.before ->> 'name', c.before ->> 'name_source') IS DISTINCT FROM (c.after ->> 'name', c.after ->> 'name_source')
  ) AS k HAVING count(*) > 0`

/** States as they were. */
export const stateBackSql = `
  UPDATE systems t SET state = k.state
  FROM (
    SELECT c.key::macaddr AS mac, c.before ->> 'state' AS state FROM change_log c
    WHERE c.change = $1::bigint AND c.relation = 'systems' AND c.id BETWEEN $2::bigint AND $3::bigint
      AND c.before ->> 'state' <> c.after ->> 'state'
  ) AS k
  WHERE t.mac = k.mac`
