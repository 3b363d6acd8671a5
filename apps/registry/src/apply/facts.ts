/**
 * The facts that a batch amounts to. What became of reservations and servers is told by triggers of the database.
 *
 * Pure: it compares each system with what was known of it. Those seen first come first; of one system what is new comes
 * first, then its address, then its name.
 */
import { type DhcpEvent, type DiscoveryFact, isLocallyAdministered, type Mac } from "@leasehold/events"
import type { SettledNames } from "./settleNames.ts"
import { timeOf } from "./stamp.ts"
import type { System, Systems } from "./system.ts"

/** A fact as it stands on the bus. */
export type Fact = typeof DiscoveryFact.Encoded

const common = ({ address, mac, name, nameSource, server }: System, at: string) => ({
  mac,
  name,
  nameSource,
  address,
  server,
  at
})

export interface Times {
  /** Of the transaction, under the writer lock: names are given then, whatever was seen when. */
  readonly now: string
  /** When systems lost the address that they had. */
  readonly lost?: ReadonlyMap<Mac, string>
}

/** When a system got the address that it has; an older one that is left to it, when it lost the other. */
const addressTime = ({ addressStamp, lastSeen, mac }: System, lost: Times["lost"]): string => {
  const got = addressStamp === null ? undefined : timeOf(addressStamp)
  const gone = lost?.get(mac)
  return gone === undefined || (got !== undefined && got > gone) ? got ?? lastSeen : gone
}

export const systemFacts = (
  { known: before, now }: Systems,
  settled: SettledNames,
  times: Times
): ReadonlyArray<Fact> => {
  const conflicts = new Map(settled.conflicts.map(({ mac, ...conflict }) => [mac, conflict]))
  const changed = [...now.values()].filter((system) => before.get(system.mac) !== system)
  return changed.toSorted((one, other) => one.lastSeen < other.lastSeen ? -1 : one.lastSeen > other.lastSeen ? 1 : 0)
    .flatMap((system): ReadonlyArray<Fact> => {
      const known = before.get(system.mac)
      const conflict = conflicts.get(system.mac)
      return [
        ...(known === undefined
          ? [
            {
              type: "system.discovered",
              ...common(system, system.firstSeen),
              randomised: isLocallyAdministered(system.mac),
              clientName: system.clientName,
              vendorClass: system.vendorClass
            } as const
          ]
          : []),
        ...(known !== undefined && known.address !== system.address
          ? [
            {
              type: "system.address-changed",
              ...common(system, addressTime(system, times.lost)),
              previous: known.address
            } as const
          ]
          : []),
        ...(known !== undefined && known.name !== system.name
          ? [{ type: "system.renamed", ...common(system, times.now), previous: known.name } as const]
          : []),
        ...(conflict === undefined
          ? []
          : [{ type: "system.name-conflict", ...common(system, times.now), ...conflict } as const])
      ]
    })
}

export const gapFact = (event: DhcpEvent): Fact => ({
  type: "ingest.gap",
  server: event.server,
  reason: event.reason ?? "",
  lost: event.lost ?? null,
  from: event.from ?? null,
  at: event.at
})

/** `discovery.v1.<entity>.<verb>.<mac or id>` */
export const subjectOf = (fact: Fact): string =>
  `discovery.v1.${fact.type}.${"id" in fact ? fact.id : "mac" in fact ? fact.mac : fact.server}`
