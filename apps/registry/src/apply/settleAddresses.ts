/**
 * The current address of each system that the batch moved: of all addresses that its MAC holds now, the one that was
 * seen last, and an IPv4 address before any IPv6 address.
 */
import type { Mac, ServerId } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import { Effect } from "effect"
import type { Refolded } from "../history/refold.ts"
import { type Place, placeKey } from "./foldEvents.ts"
import { loadHoldings } from "./loads.ts"
import { type Stamp, timeOf } from "./stamp.ts"
import type { System, Systems } from "./system.ts"

export interface Folding {
  readonly place: Place
  readonly refolded: Refolded
}

interface Held {
  readonly address: string
  readonly server: ServerId
  readonly stamp: Stamp
}

const isV6 = (address: string): boolean => address.includes(":")

const better = (one: Held | undefined, other: Held): Held =>
  one === undefined || (isV6(one.address) === isV6(other.address)
      ? other.stamp > one.stamp
      : isV6(one.address))
    ? other
    : one

/** Pure: the system with the best of what it holds. */
const withAddress = (system: System, held: ReadonlyArray<Held>): System => {
  const best = held.reduce<Held | undefined>(better, undefined)
  return best?.address === (system.address ?? undefined) && best?.stamp === (system.addressStamp ?? undefined)
      && best?.server === (system.addressServer ?? undefined)
    ? system
    : {
      ...system,
      address: best?.address ?? null,
      addressServer: best?.server ?? null,
      addressStamp: best?.stamp ?? null
    }
}

/**
 * Changes the systems in place; all whose MAC gained or lost an address are among them. Returns when those who lost the one that
 * they had did.
 */
export const settleAddresses = Effect.fnUntraced(
  function*(client: Client, { now }: Systems, foldings: ReadonlyArray<Folding>) {
    const gained = new Map<Mac, Array<Held>>()
    const lost = new Map<Mac, Map<string, string>>()
    for (const { place, refolded: { added, holder, holderBefore, lastHeld } } of foldings) {
      if (holder !== undefined && lastHeld !== undefined) {
        const held = { address: place.address, server: place.server, stamp: lastHeld }
        gained.set(holder, [...gained.get(holder) ?? [], held])
      }
      if (holderBefore !== undefined && holderBefore !== holder) {
        const until = added.findLast(({ mac }) => mac === holderBefore)?.until ?? timeOf(place.from)
        lost.set(holderBefore, (lost.get(holderBefore) ?? new Map<string, string>()).set(place.key, until))
      }
    }
    const lostAt = new Map<Mac, string>()
    for (const [mac, places] of lost) {
      const system = now.get(mac)
      const at = system?.address == null
        ? undefined
        : places.get(placeKey(system.addressServer ?? "", system.address))
      if (at !== undefined) lostAt.set(mac, at)
    }
    const bereft = [...lostAt.keys()]
    const elsewhere = new Map<Mac, Array<Held>>()
    if (bereft.length > 0) {
      const touched = new Set(foldings.map(({ place }) => place.key))
      for (const { mac, ...held } of yield* loadHoldings(client, bereft)) {
        if (!touched.has(placeKey(held.server, held.address))) {
          elsewhere.set(mac, [...elsewhere.get(mac) ?? [], held])
        }
      }
    }
    for (const mac of new Set([...gained.keys(), ...bereft])) {
      const system = now.get(mac)
      if (system === undefined) continue
      const { address, addressServer, addressStamp } = system
      const current = lostAt.has(mac) || address === null || addressServer === null || addressStamp === null
        ? []
        : [{ address, server: addressServer, stamp: addressStamp }]
      now.set(mac, withAddress(system, [...current, ...gained.get(mac) ?? [], ...elsewhere.get(mac) ?? []]))
    }
    return lostAt
  }
)
