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

const LONGEST_REPETITION = 90_000_000

export interface Zone {
  /** From local time, given as if it were UTC, to UTC; all in ms of the epoch. `previous` is the instant before it. */
  toUtc(local: number, previous?: number): number
}

const isUtc = (name: string) => /^(?:Etc\/)?(?:UTC|GMT|Zulu|Universal)$/i.test(name)

/** Whether there is a zone of this name. Of UTC it is known without the tables of all zones, which take memory. */
export const isZone = (name: string): boolean => isUtc(name) || Option.isSome(DateTime.zoneMakeNamed(name))

/** Throws for a zone that does not exist: check names from outside with `isZone` first. */
export const makeZone = (name: string): Zone => {
  if (isUtc(name)) return { toUtc: (local) => local }
  const timeZone = DateTime.zoneMakeNamedUnsafe(name)
  const makeShifts = (disambiguation: "compatible" | "later") => {
    const shifts = new Map<number, number>()
    return (local: number): number => {
      const quarter = Math.floor(local / QUARTER)
      const known = shifts.get(quarter)
      if (known !== undefined) return known
      const zoned = DateTime.makeZonedUnsafe(local, { timeZone, adjustForTimeZone: true, disambiguation })
      const shift = DateTime.toEpochMillis(zoned) - local
      if (shifts.size >= CACHED_QUARTERS) shifts.clear()
      shifts.set(quarter, shift)
      return shift
    }
  }

  const shiftOf = makeShifts("compatible")
  const laterShiftOf = makeShifts("later")

  return {
    toUtc: (local, previous) => {
      if (Number.isNaN(local)) return local
      const first = local + shiftOf(local)
      // No zone has ever repeated more than a day.
      if (previous === undefined || first >= previous - DISORDER || first < previous - LONGEST_REPETITION) return first
      const last = local + laterShiftOf(local)
      return last > first && previous <= last + DISORDER ? last : first
    }
  }
}
