/**
 * Gives each system its name: unique, always valid, never empty, first come first served (`first-wins`).
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

const byAuthority = (one: NameRequest, other: NameRequest): number =>
  authority[one.wanted.source] - authority[other.wanted.source] ||
  (one.since < other.since ? -1 : one.since > other.since ? 1 : one.mac < other.mac ? -1 : 1)

export const assignNames = (
  requests: ReadonlyArray<NameRequest>,
  { holders, reserved }: NamesTaken
): ReadonlyArray<Assigned> => {
  const taken = new Map(holders)
  // Whoever is to be named anyway gives way to a reservation, unless it has one of that name itself.
  const giveWay = new Map(requests.map(({ mac, wanted }) => [mac, wanted]))

  /** Who keeps the MAC from having the name. */
  const obstacle = (request: NameRequest, name: string): Mac | undefined => {
    const holder = taken.get(name)
    const reservedFor = reserved.get(name) ?? []
    if (request.wanted.source === "reservation" && reservedFor.includes(request.mac)) {
      const theirs = holder === undefined ? undefined : giveWay.get(holder)
      const yields = theirs !== undefined && !(theirs.source === "reservation" && theirs.name === name)
      return holder === request.mac || yields ? undefined : holder
    }
    return reservedFor.find((mac) => mac !== request.mac) ?? (holder === request.mac ? undefined : holder)
  }

  return requests.toSorted(byAuthority).map((request): Assigned => {
    const { current, mac, wanted } = request
    const [first = wanted.name] = wanted.candidates
    const inTheWay = obstacle(request, first)
    const keeps = current !== undefined && wanted.candidates.includes(current.name) &&
      (wanted.source !== "reservation" || inTheWay !== undefined) && obstacle(request, current.name) === undefined
    const name = keeps
      ? current.name
      : wanted.candidates.find((candidate) => obstacle(request, candidate) === undefined) ??
        lastResort(mac, (candidate) => obstacle(request, candidate) === undefined)
    if (current !== undefined && taken.get(current.name) === mac) taken.delete(current.name)
    taken.set(name, mac)
    giveWay.delete(mac)
    const lost = current?.name === first
    const conflict = keeps || lost || inTheWay === undefined || wanted.source === "generated"
      ? undefined
      : { wanted: first, holder: inTheWay }
    return { mac, name, source: wanted.source, conflict }
  })
}

/** Only an administrator who reserves a name with another MAC's digits makes this necessary. */
const lastResort = (mac: Mac, isFree: (name: string) => boolean): string => {
  const base = generated(mac).candidates[1] ?? "host"
  for (let number = 2;; number++) if (isFree(`${base}-${number}`)) return `${base}-${number}`
}
