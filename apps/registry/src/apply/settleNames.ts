/**
 * Names for the systems that need one: newcomers, those of whom something became known that their name follows from,
 * those whose reservation changed, and those who have to give way.
 */
import type { Mac } from "@leasehold/events"
import { Effect } from "effect"
import { type Assigned, assignNames, type NameRequest } from "../names/assignNames.ts"
import { endsInOwnDigits, isGenerated, type Wanted } from "../names/candidates.ts"
import type { Naming } from "../names/Naming.ts"
import { type Decided, loadMore, type Taken } from "./loads.ts"
import type { NameBook } from "./NameBook.ts"
import { numberNames } from "./numberNames.ts"
import type { System, Systems } from "./system.ts"

export interface Settling {
  readonly systems: Systems
  readonly naming: Naming
  /** What administrators decided about those whose names are to be looked at. */
  readonly decided: ReadonlyMap<Mac, Decided>
  /** Who has the likely names. */
  readonly taken: Taken
  /** All whom the policy concerns are looked at, one after the other: nobody need be looked for. */
  readonly isEverybody?: boolean
  /** Names of reservations that changed, with their MACs: nobody else may be called so. */
  readonly reservedNames: ReadonlyMap<string, ReadonlyArray<Mac>>
}

export interface SettledNames {
  /** Conflicts about names of which none was known. */
  readonly conflicts: ReadonlyArray<{ readonly mac: Mac; readonly wanted: string; readonly holder: Mac }>
  /** Names that cannot be told from a client's by themselves: dnsmasq will repeat them. */
  readonly given: ReadonlyArray<{ readonly mac: Mac; readonly name: string }>
}

export const noNames: SettledNames = { conflicts: [], given: [] }

const request = (system: System, wanted: Wanted): NameRequest => ({
  mac: system.mac,
  current: system.name === "" ? undefined : { name: system.name, source: system.nameSource },
  wanted,
  since: system.firstNameStamp ?? system.firstSeen
})

/** The names that the systems would have if administrators decided nothing: they can be asked for early. */
export const likelyNames = (naming: Naming, systems: ReadonlyArray<System>): ReadonlyArray<string> => [
  ...new Set(systems.flatMap((system) => namesOf(naming.wanted(system, undefined))))
]

const namesOf = ({ candidates, fallback }: Wanted): ReadonlyArray<string> =>
  fallback === undefined ? candidates : [...candidates, ...namesOf(fallback)]

/** Changes the systems in place, and adds those that give way. */
export const settleNames = Effect.fnUntraced(
  function*(book: NameBook, macs: ReadonlyArray<Mac>, settling: Settling) {
    const { decided, naming, reservedNames, systems, taken } = settling
    const asked = macs.flatMap((mac) => {
      const system = systems.now.get(mac)
      return system === undefined || system.nameSource === "administrator"
        ? []
        : [request(system, naming.wanted(system, decided.get(mac)?.reserved))]
    })
    if (asked.length === 0 && reservedNames.size === 0) return noNames
    const more = (requests: ReadonlyArray<NameRequest>, names: Iterable<string> = []) =>
      loadMore(book.taken, taken, [...requests.flatMap(({ wanted }) => namesOf(wanted)), ...names])
    yield* more(asked, reservedNames.keys())
    const rivals = yield* rivalsOf(book, settling, asked)
    yield* more(rivals)
    const concerned = [...asked, ...rivals]
    const displaced = yield* displacedBy(book, settling, concerned)
    yield* more(displaced)
    const requests = yield* numberNames(book, [...concerned, ...displaced], decided, taken)
    const assigned = assignNames(requests, taken)
    for (const { mac, name, source } of assigned) {
      const system = systems.now.get(mac)
      if (system !== undefined && (system.name !== name || system.nameSource !== source)) {
        systems.now.set(mac, { ...system, name, nameSource: source })
      }
    }
    return settled(assigned, new Map(requests.map(({ mac, wanted }) => [mac, wanted])), taken)
  }
)

const settled = (
  assigned: ReadonlyArray<Assigned>,
  wishes: ReadonlyMap<Mac, Wanted>,
  { disputed }: Taken
): SettledNames => {
  const conflicts: Array<SettledNames["conflicts"][number]> = []
  const given: Array<SettledNames["given"][number]> = []
  for (const { conflict, mac, name, source } of assigned) {
    if (conflict !== undefined && !disputed.has(conflict.wanted)) {
      disputed.add(conflict.wanted)
      conflicts.push({ mac, ...conflict })
    }
    const isClients = source === "client" && (name === wishes.get(mac)?.name || endsInOwnDigits(mac, name))
    if (source !== "reservation" && !isClients && !isGenerated(mac, name)) given.push({ mac, name })
  }
  return { conflicts, given }
}

/** Adds systems that were not among those of the batch. */
const include = Effect.fnUntraced(function*(book: NameBook, { systems }: Settling, macs: ReadonlyArray<Mac>) {
  const strangers = macs.filter((mac) => !systems.now.has(mac))
  if (strangers.length > 0) add(systems, yield* book.systems(strangers))
})

const add = ({ known, now }: Systems, found: ReadonlyArray<System>) => {
  for (const system of found) {
    if (now.has(system.mac)) continue
    known.set(system.mac, system)
    now.set(system.mac, system)
  }
}

/** Where who was last has a name, others may be the last of those who want it when its holder turns out to be none. */
const rivalsOf = Effect.fnUntraced(
  function*(book: NameBook, settling: Settling, asked: ReadonlyArray<NameRequest>) {
    const { naming, systems } = settling
    const labels = settling.isEverybody === true ?
      [] :
      asked.flatMap(({ current, wanted }) =>
        current?.source === "client" && wanted.lastWins === true ? [current.name] : []
      )
    if (labels.length === 0) return []
    const found = yield* book.rivals([...new Set(labels)])
    add(systems, found)
    const asking = new Set(asked.map(({ mac }) => mac))
    return found.flatMap(({ mac }) => {
      const system = systems.now.get(mac)
      if (system === undefined || asking.has(mac)) return []
      const wanted = naming.wanted(system, undefined)
      return wanted.lastWins === true && labels.includes(wanted.name) ? [request(system, wanted)] : []
    })
  }
)

/**
 * Systems that are called like a reservation of another MAC, and have no reservation of that name themselves; and clients
 * that are called like one that comes after them, where who was last has the name.
 */
const displacedBy = Effect.fnUntraced(
  function*(book: NameBook, settling: Settling, requests: ReadonlyArray<NameRequest>) {
    const { naming, reservedNames, systems, taken: { holders } } = settling
    const reserved = new Map(reservedNames)
    const contested = new Set<string>()
    for (const { mac, wanted } of requests) {
      if (wanted.source === "reservation") reserved.set(wanted.name, [...reserved.get(wanted.name) ?? [], mac])
      else if (wanted.lastWins === true) contested.add(wanted.name)
    }
    const asking = new Set(requests.map(({ mac }) => mac))
    const holderOf = (name: string, owners: ReadonlyArray<Mac>): ReadonlyArray<Mac> => {
      const holder = holders.get(name)
      return holder === undefined || owners.includes(holder) || asking.has(holder) ? [] : [holder]
    }
    const inTheWay = new Set([...reserved].flatMap(([name, macs]) => holderOf(name, macs)))
    const last = new Set([...contested].flatMap((name) => holderOf(name, [])).filter((mac) => !inTheWay.has(mac)))
    const concerned = [...inTheWay, ...last]
    if (concerned.length === 0) return []
    const decided = yield* book.decided(concerned)
    yield* include(book, settling, concerned)
    return concerned.flatMap((mac) => {
      const system = systems.now.get(mac)
      if (system === undefined || system.nameSource === "administrator") return []
      if (last.has(mac) && system.nameSource !== "client") return []
      const wanted = naming.wanted(system, decided.get(mac)?.reserved)
      return wanted.source === "reservation" && wanted.name === system.name ? [] : [request(system, wanted)]
    })
  }
)
