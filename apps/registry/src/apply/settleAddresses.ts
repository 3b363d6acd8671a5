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
import type { Stamp } from "./stamp.ts"
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

/** Changes the systems in place; all whose MAC gained or lost an address are among them. */
export const settleAddresses = Effect.fnUntraced(
  function*(client: Client, { now }: Systems, foldings: ReadonlyArray<Folding>) {
    const gained = new Map<Mac, Array<Held>>()
    const lost = new Map<Mac, Set<string>>()
    for (const { place, refolded: { holder, holderBefore, lastHeld } } of foldings) {
      if (holder !== undefined && lastHeld !== undefined) {
        const held = { address: place.address, server: place.server, stamp: lastHeld }
        gained.set(holder, [...gained.get(holder) ?? [], held])
      }
      if (holderBefore !== undefined && holderBefore !== holder) {
        lost.set(holderBefore, (lost.get(holderBefore) ?? new Set()).add(place.key))
      }
    }
    const bereft = [...lost].flatMap(([mac, keys]) => {
      const system = now.get(mac)
      return system?.address != null && keys.has(placeKey(system.addressServer ?? "", system.address)) ? [mac] : []
    })
    const elsewhere = new Map<Mac, Array<Held>>()
    if (bereft.length > 0) {
      const touched = new Set(foldings.map(({ place }) => place.key))
      for (const { mac, ...held } of yield* loadHoldings(client, bereft)) {
        if (!touched.has(placeKey(held.server, held.address))) {
          elsewhere.set(mac, [...elsewhere.get(mac) ?? [], held])
        }
      }
    }
    const without = new Set(bereft)
    for (const mac of new Set([...gained.keys(), ...bereft])) {
      const system = now.get(mac)
      if (system === undefined) continue
      const { address, addressServer, addressStamp } = system
      const current = without.has(mac) || address === null || addressServer === null || addressStamp === null
        ? []
        : [{ address, server: addressServer, stamp: addressStamp }]
      now.set(mac, withAddress(system, [...current, ...gained.get(mac) ?? [], ...elsewhere.get(mac) ?? []]))
    }
  }
)
