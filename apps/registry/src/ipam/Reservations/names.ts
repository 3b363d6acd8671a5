/** Names for reservations of which none was said: what the system is called, else one by the naming policy of the subnet. */
import type { Ipv4, Mac } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import { Effect } from "effect"
import { databaseBook } from "../../apply/NameBook.ts"
import { loadNaming } from "../../apply/NamingCache.ts"
import { generated, type Numbered } from "../../names/candidates.ts"
import { generate } from "../../names/generate.ts"
import type { NamingPolicy } from "../../names/Naming.ts"
import { vendorOf } from "../../names/Vendors.ts"
import type { StoredSubnet } from "../Subnets/rows.ts"

/** A machine in a subnet. */
export interface Unnamed {
  readonly mac: Mac
  readonly subnet: StoredSubnet
  readonly address: Ipv4 | undefined
}

const calledSql = "SELECT mac::text, name FROM systems WHERE mac = ANY ($1::macaddr[])"

/** The same machine may be called otherwise in another subnet. */
export const placeOf = (subnetId: string, mac: Mac): string => `${subnetId} ${mac}`

const vendorFor = ({ pattern }: NamingPolicy, mac: Mac): string | null =>
  pattern.parts.some(({ type }) => type === "vendor") ? vendorOf(mac) ?? null : null

/** Names that each could have, best first, by its place; the last can be nobody else's. */
export const proposeNames = Effect.fnUntraced(function*(client: Client, unnamed: ReadonlyArray<Unnamed>) {
  const proposed = new Map<string, ReadonlyArray<string>>()
  if (unnamed.length === 0) return proposed
  const macs = unnamed.map(({ mac }) => mac)
  const rows = yield* client.query<{ mac: Mac; name: string }>(calledSql, [macs])
  const called = new Map(rows.map(({ mac, name }) => [mac, name]))
  const naming = yield* loadNaming(client)
  const numbered = new Map<string, Array<{ readonly place: string; readonly by: Numbered; readonly mac: Mac }>>()
  for (const { address = null, mac, subnet } of unnamed) {
    const policy = naming.policyOf(subnet)
    const name = called.get(mac)
    const place = placeOf(subnet.id, mac)
    const wanted = generate(policy, { mac, vendor: vendorFor(policy, mac), address, subnet: subnet.name })
    const fallback = generated(mac).candidates
    proposed.set(place, [...(name === undefined ? [] : [name]), ...wanted.candidates, ...fallback])
    if (wanted.numbered === undefined || name !== undefined) continue
    const { policyId } = wanted.numbered
    const places = numbered.get(policyId)
    if (places === undefined) numbered.set(policyId, [{ place, by: wanted.numbered, mac }])
    else places.push({ place, by: wanted.numbered, mac })
  }
  const { numbers } = databaseBook(client)
  for (const [policyId, places] of numbered) {
    const first = yield* numbers(policyId, places.length)
    for (const [index, { by, mac, place }] of places.entries()) {
      proposed.set(place, [...by.withNumber(first + index).candidates, ...generated(mac).candidates])
    }
  }
  return proposed
})

const givenSql = "SELECT mac::text, name FROM systems WHERE name = ANY ($1::text[]) AND name_source = 'administrator'"

/** Systems that are called so by an administrator's word. */
export const givenNames = (client: Client, names: ReadonlyArray<string>) =>
  client.query<{ mac: Mac; name: string }>(givenSql, [names])

const heldSql = `
  SELECT DISTINCT r.name FROM reservations r
  WHERE r.name = ANY ($1::text[]) AND r.domain = $2 AND r.source <> 'auto' AND coalesce(r.also_of, r.id) <> $3::bigint
    AND EXISTS (SELECT FROM unnest($4::macaddr[]) AS k (mac) WHERE k.mac <> r.mac)`

/** The best name that is free in the domain. `id` is that of the reservation, or 0 for a new one. */
export const chooseName = Effect.fnUntraced(
  function*(client: Client, id: string, of: Unnamed, macs: ReadonlyArray<Mac>) {
    const candidates = [...(yield* proposeNames(client, [of])).values()].flat()
    const others = (yield* givenNames(client, candidates)).filter(({ mac }) => !macs.includes(mac))
    const reserved = yield* client.query<{ name: string }>(heldSql, [candidates, of.subnet.domain, id, macs])
    const held = new Set([...others, ...reserved].map(({ name }) => name))
    return candidates.find((name) => !held.has(name)) ?? candidates.at(-1)
  }
)
