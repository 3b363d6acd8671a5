/**
 * Who held an address when, folded from sightings in their order.
 *
 * Held by M: M holds it from then on. No longer held by M: ends, if M is the holder. A holder who is seen again changes
 * nothing, so a renewal writes nothing. Pure; the same sightings give the same stretches in whatever order they came.
 */
import type { Mac } from "@leasehold/events"
import type { Sighting } from "../apply/foldEvents.ts"
import { type Stamp, timeOf } from "../apply/stamp.ts"

/** A stretch of time, from `since` to before `until`; without end while it lasts. */
export interface Stretch {
  readonly mac: Mac
  readonly since: string
  readonly until: string | null
}

export interface Refolded {
  readonly removed: ReadonlyArray<Stretch>
  readonly added: ReadonlyArray<Stretch>
  readonly holderBefore: Mac | undefined
  readonly holder: Mac | undefined
  /** The last sighting that says who holds it, where it is among those given. */
  readonly lastHeld: Stamp | undefined
}

/**
 * @param known the stretches that last to `from` or beyond
 * @param sightings all of them from `from` on, in any order, each once or more often
 */
export const refold = (known: ReadonlyArray<Stretch>, from: string, sightings: ReadonlyArray<Sighting>): Refolded => {
  const before = known.find(({ since }) => since < from)
  const ordered = sightings.toSorted((one, other) => one.stamp < other.stamp ? -1 : one.stamp > other.stamp ? 1 : 0)
  const wanted: Array<Stretch> = []
  let holder = before?.mac
  let since = before?.since ?? from
  let lastHeld: Stamp | undefined

  const close = (until: string | null) => {
    if (holder === undefined || since === until) return
    const last = wanted.at(-1)
    if (last !== undefined && last.mac === holder && last.until === since) {
      wanted[wanted.length - 1] = { ...last, until }
    } else {
      wanted.push({ mac: holder, since, until })
    }
  }
  for (const { held, mac, stamp } of ordered) {
    if (held) {
      lastHeld = stamp
      if (mac === holder) continue
      close(timeOf(stamp))
      holder = mac
      since = timeOf(stamp)
    } else if (mac === holder) {
      close(timeOf(stamp))
      holder = undefined
    }
  }
  close(null)

  const same = (one: Stretch) => (other: Stretch) =>
    one.mac === other.mac && one.since === other.since && one.until === other.until
  return {
    removed: known.filter((stretch) => !wanted.some(same(stretch))),
    added: wanted.filter((stretch) => !known.some(same(stretch))),
    holderBefore: known.find(({ until }) => until === null)?.mac,
    holder,
    lastHeld: holder === undefined ? undefined : lastHeld
  }
}
