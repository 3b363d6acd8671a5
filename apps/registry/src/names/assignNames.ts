/**
 * Gives each system its name: unique, always valid, never empty; among clients who was first has it, or who was last
 * where the policy says so.
 *
 * A system keeps the name that it has as long as it may. Pure: who holds which name is handed in.
 */
import type { Mac, NameSource } from "@leasehold/events"
import { generated, type Wanted } from "./candidates.ts"

export interface NameRequest {
  readonly mac: Mac
  readonly current: { readonly name: string; readonly source: NameSource } | undefined
  readonly wanted: Wanted
  /** The stamp of the event that told the name: the earlier one is first. */
  readonly since: string
}

export interface NamesTaken {
  /** Who is called so. */
  readonly holders: ReadonlyMap<string, Mac>
  /** For whom administrators reserved the name. */
  readonly reserved: ReadonlyMap<string, ReadonlyArray<Mac>>
}

export interface Assigned {
  readonly mac: Mac
  readonly name: string
  readonly source: NameSource
  readonly conflict: { readonly wanted: string; readonly holder: Mac } | undefined
}

const authority: Readonly<Record<NameSource, number>> = { administrator: 0, reservation: 1, client: 2, generated: 3 }

/** Those who take names from holders come before the holders, and the last one of them first. */
const byAuthority = (one: NameRequest, other: NameRequest): number => {
  const [a, b] = [one.wanted.lastWins === true, other.wanted.lastWins === true]
  const earlier = one.since < other.since ? -1 : one.since > other.since ? 1 : one.mac < other.mac ? -1 : 1
  return authority[one.wanted.source] - authority[other.wanted.source] || Number(b) - Number(a) ||
    (a ? -earlier : earlier)
}

const isLater = (one: NameRequest, other: NameRequest): boolean =>
  one.since > other.since || (one.since === other.since && one.mac > other.mac)

export const assignNames = (
  requests: ReadonlyArray<NameRequest>,
  { holders, reserved }: NamesTaken
): ReadonlyArray<Assigned> => {
  const taken = new Map(holders)
  // Whoever is to be named anyway gives way to a reservation, unless it has one of that name itself.
  const giveWay = new Map(requests.map((request) => [request.mac, request]))

  const yields = (request: NameRequest, holder: Mac, name: string): boolean => {
    const theirs = giveWay.get(holder)
    if (theirs === undefined) return false
    const { wanted } = theirs
    if (request.wanted.source === "reservation") return !(wanted.source === "reservation" && wanted.name === name)
    if (request.wanted.lastWins !== true || name !== request.wanted.name) return false
    return !wanted.candidates.includes(name) || (wanted.source === "client" && isLater(request, theirs))
  }

  /** Who keeps the MAC from having the name. */
  const obstacle = (request: NameRequest, name: string): Mac | undefined => {
    const holder = taken.get(name)
    const reservedFor = reserved.get(name) ?? []
    const isReserver = request.wanted.source === "reservation"
    const isTheirs = isReserver && reservedFor.includes(request.mac)
    const other = isTheirs ? undefined : reservedFor.find((mac) => mac !== request.mac)
    if (other !== undefined || holder === undefined || holder === request.mac) return other
    return isTheirs === isReserver && yields(request, holder, name) ? undefined : holder
  }

  return requests.toSorted(byAuthority).map((request): Assigned => {
    const { current, mac, wanted } = request
    const isFree = (name: string) => obstacle(request, name) === undefined
    const [first = wanted.name] = wanted.candidates
    const inTheWay = obstacle(request, first)
    const insists = wanted.source === "reservation" || wanted.lastWins === true
    const chosen = chooseName(request, !insists || inTheWay !== undefined, isFree)
    if (current !== undefined && taken.get(current.name) === mac) taken.delete(current.name)
    taken.set(chosen.name, mac)
    giveWay.delete(mac)
    const keeps = current?.name === chosen.name
    const lost = current?.name === first && wanted.lastWins !== true
    const conflict = keeps || lost || inTheWay === undefined || wanted.source === "generated"
      ? undefined
      : { wanted: first, holder: inTheWay }
    return { mac, ...chosen, conflict }
  })
}

/** The present name if it is one that the system may be called; else the best one that is free. */
const chooseName = (
  { current, mac, wanted }: NameRequest,
  mayKeep: boolean,
  isFree: (name: string) => boolean
): Pick<Assigned, "name" | "source"> => {
  for (let wish: Wanted | undefined = wanted; wish !== undefined; wish = wish.fallback) {
    const { candidates, source } = wish
    if (mayKeep && current !== undefined && candidates.includes(current.name) && isFree(current.name)) {
      return { name: current.name, source }
    }
    const name = candidates.find(isFree)
    if (name !== undefined) return { name, source }
  }
  return { name: lastResort(mac, isFree), source: wanted.fallback?.source ?? wanted.source }
}

/** Only names that others have or reserved with this MAC's digits make this necessary. */
const lastResort = (mac: Mac, isFree: (name: string) => boolean): string => {
  const base = generated(mac).candidates[1] ?? "host"
  for (let number = 2;; number++) if (isFree(`${base}-${number}`)) return `${base}-${number}`
}
