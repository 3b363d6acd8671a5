/** Names for reservations of which none was said: what the system is called, else one made of its MAC. */
import type { Mac } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import { Effect } from "effect"
import { generated } from "../../names/candidates.ts"

const calledSql = "SELECT mac::text, name FROM systems WHERE mac = ANY ($1::macaddr[])"

/** Names that each MAC could have, best first; the last can be nobody else's. */
export const proposeNames = Effect.fnUntraced(function*(client: Client, macs: ReadonlyArray<Mac>) {
  const rows = yield* client.query<{ mac: Mac; name: string }>(calledSql, [macs])
  const called = new Map(rows.map(({ mac, name }) => [mac, name]))
  return new Map(macs.map((mac) => {
    const name = called.get(mac)
    return [mac, [...(name === undefined ? [] : [name]), ...generated(mac).candidates]] as const
  }))
})

const heldSql = `
  SELECT DISTINCT r.name FROM reservations r
  WHERE r.name = ANY ($1::text[]) AND r.domain = $2 AND r.source <> 'auto' AND coalesce(r.also_of, r.id) <> $3::bigint
    AND EXISTS (SELECT FROM unnest($4::macaddr[]) AS k (mac) WHERE k.mac <> r.mac)`

/** The best name that is free in the domain. `id` is that of the reservation, or 0 for a new one. */
export const chooseName = Effect.fnUntraced(
  function*(client: Client, id: string, domain: string, macs: ReadonlyArray<Mac>) {
    const [first] = macs
    const candidates = (first === undefined ? undefined : (yield* proposeNames(client, [first])).get(first)) ?? []
    const held = new Set(
      (yield* client.query<{ name: string }>(heldSql, [candidates, domain, id, macs])).map(({ name }) => name)
    )
    return candidates.find((name) => !held.has(name)) ?? candidates.at(-1)
  }
)
