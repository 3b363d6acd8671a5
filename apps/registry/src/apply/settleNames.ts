/**
 * Names for the systems that need one: newcomers, those whose client told its first name, those whose reservation
 * changed, and those who have to give way to an administrator's word.
 */
import type { Mac } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import { Effect } from "effect"
import { assignNames, type NameRequest } from "../names/assignNames.ts"
import { fromClient, fromReservation, generated, type Wanted } from "../names/candidates.ts"
import { clientLabel } from "../names/clientLabel.ts"
import { type Decided, loadDecided, loadSystems, loadTaken, type Taken } from "./loads.ts"
import type { System, Systems } from "./system.ts"

/** The name of the highest authority that has one. */
const wantedName = (system: System, decided: Decided | undefined): Wanted => {
  if (decided?.reserved !== undefined) return fromReservation(system.mac, decided.reserved)
  const label = system.firstName === null ? undefined : clientLabel(system.mac, system.firstName)
  return label === undefined ? generated(system.mac) : fromClient(system.mac, label)
}

const request = (system: System, wanted: Wanted): NameRequest => ({
  mac: system.mac,
  current: system.name === "" ? undefined : { name: system.name, source: system.nameSource },
  wanted,
  since: system.firstNameStamp ?? system.firstSeen
})

/** The names that the systems would have if administrators decided nothing: they can be asked for early. */
export const likelyNames = (systems: ReadonlyArray<System>): ReadonlyArray<string> => [
  ...new Set(systems.flatMap((system) => wantedName(system, undefined).candidates))
]

/**
 * Changes the systems in place, and adds those that give way.
 * @param macs whose names are to be looked at
 * @param decided what administrators decided about them
 * @param taken who has the likely names
 * @param reservedNames names of reservations that changed, with their MACs: nobody else may be called so
 */
export const settleNames = Effect.fnUntraced(
  function*(
    client: Client,
    { known, now }: Systems,
    macs: ReadonlyArray<Mac>,
    decided: ReadonlyMap<Mac, Decided>,
    taken: Taken,
    reservedNames: ReadonlyMap<string, ReadonlyArray<Mac>>
  ) {
    const requests = macs.flatMap((mac) => {
      const system = now.get(mac)
      return system === undefined || system.nameSource === "administrator"
        ? []
        : [request(system, wantedName(system, decided.get(mac)))]
    })
    if (requests.length === 0 && reservedNames.size === 0) return []
    yield* loadMore(client, taken, [...requests.flatMap(({ wanted }) => wanted.candidates), ...reservedNames.keys()])
    const displaced = yield* displacedBy(client, { known, now }, requests, reservedNames, taken.holders)
    yield* loadMore(client, taken, displaced.flatMap(({ wanted }) => wanted.candidates))
    const assigned = assignNames([...requests, ...displaced], taken)
    for (const { mac, name, source } of assigned) {
      const system = now.get(mac)
      if (system !== undefined && (system.name !== name || system.nameSource !== source)) {
        now.set(mac, { ...system, name, nameSource: source })
      }
    }
    return assigned
  }
)

/** Asks for names that were not asked for yet. */
const loadMore = Effect.fnUntraced(function*(client: Client, taken: Taken, names: ReadonlyArray<string>) {
  const unknown = [...new Set(names)].filter((name) => !taken.names.has(name))
  if (unknown.length === 0) return
  const more = yield* loadTaken(client, unknown)
  more.names.forEach((name) => taken.names.add(name))
  more.holders.forEach((mac, name) => taken.holders.set(name, mac))
  more.reserved.forEach((macs, name) => taken.reserved.set(name, macs))
})

/** Systems that are called like a reservation of another MAC, and have no reservation of that name themselves. */
const displacedBy = Effect.fnUntraced(
  function*(
    client: Client,
    { known, now }: Systems,
    requests: ReadonlyArray<NameRequest>,
    reservedNames: ReadonlyMap<string, ReadonlyArray<Mac>>,
    holders: ReadonlyMap<string, Mac>
  ) {
    const claims = new Map(reservedNames)
    for (const { mac, wanted } of requests) {
      if (wanted.source === "reservation") claims.set(wanted.name, [...claims.get(wanted.name) ?? [], mac])
    }
    const asking = new Set(requests.map(({ mac }) => mac))
    const inTheWay = [...claims].flatMap(([name, macs]) => {
      const holder = holders.get(name)
      return holder === undefined || macs.includes(holder) || asking.has(holder) ? [] : [holder]
    })
    if (inTheWay.length === 0) return []
    const decided = yield* loadDecided(client, inTheWay)
    for (const system of yield* loadSystems(client, inTheWay.filter((mac) => !known.has(mac)))) {
      known.set(system.mac, system)
      now.set(system.mac, system)
    }
    return inTheWay.flatMap((mac) => {
      const system = now.get(mac)
      if (system === undefined || system.nameSource === "administrator") return []
      const wanted = wantedName(system, decided.get(mac))
      return wanted.source === "reservation" && wanted.name === system.name ? [] : [request(system, wanted)]
    })
  }
)
