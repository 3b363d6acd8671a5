/**
 * Local time of an IANA zone to UTC. A time that a clock change skips is read with the offset before the change. One that
 * it repeats is the first of the two, unless what was read before it shows that the first is over.
 */
import { DateTime, Option } from "effect"

/** Clocks change at a quarter of an hour in every zone, so the shift is looked up once per quarter. */
const QUARTER = 900_000

/** Real logs need one shift at a time, hostile ones must not fill the memory. */
const CACHED_QUARTERS = 1024

/** Lines of a log may be so much out of order without a clock change. */
const DISORDER = 60_000

export interface Zone {
  /** From local time, given as if it were UTC, to UTC; all in ms of the epoch. `previous` is the instant before it. */
  toUtc(local: number, previous?: number): number
}

/** From local time to UTC: of the first, and of the last time that the clock shows it. */
interface Shift {
  readonly first: number
  readonly last: number
}

const isUtc = (name: string) => /^(?:Etc\/)?(?:UTC|GMT|Zulu|Universal)$/i.test(name)

/** Whether there is a zone of this name. */
export const isZone = (name: string): boolean => Option.isSome(DateTime.zoneMakeNamed(name))

/** Throws for a zone that does not exist: check names from outside with `isZone` first. */
export const makeZone = (name: string): Zone => {
  if (isUtc(name)) return { toUtc: (local) => local }
  const timeZone = DateTime.zoneMakeNamedUnsafe(name)
  const shifts = new Map<number, Shift>()

  const shiftBy = (local: number, disambiguation: "compatible" | "later"): number =>
    DateTime.toEpochMillis(DateTime.makeZonedUnsafe(local, { timeZone, adjustForTimeZone: true, disambiguation })) -
    local

  const shiftAt = (local: number): Shift => {
    const quarter = Math.floor(local / QUARTER)
    const known = shifts.get(quarter)
    if (known !== undefined) return known
    const shift = { first: shiftBy(local, "compatible"), last: shiftBy(local, "later") }
    if (shifts.size >= CACHED_QUARTERS) shifts.clear()
    shifts.set(quarter, shift)
    return shift
  }

  return {
    toUtc: (local, previous) => {
      if (Number.isNaN(local)) return local
      const shift = shiftAt(local)
      const first = local + shift.first
      if (previous === undefined || shift.last <= shift.first) return first
      const last = local + shift.last
      return first < previous - DISORDER && previous <= last + DISORDER ? last : first
    }
  }
}
