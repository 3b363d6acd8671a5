/**
 * Local time of an IANA zone to UTC. A time that a clock change skips is read with the offset before the change, a time
 * that it repeats is the first of the two.
 */
import { DateTime, Option } from "effect"

/** Clocks change at a quarter of an hour in every zone, so the shift is looked up once per quarter. */
const QUARTER = 900_000

/** Real logs need one shift at a time, hostile ones must not fill the memory. */
const CACHED_QUARTERS = 1024

export interface Zone {
  /** From local time, given as if it were UTC, to UTC; both in ms of the epoch. */
  toUtc(local: number): number
}

const isUtc = (name: string) => /^(?:Etc\/)?(?:UTC|GMT|Zulu|Universal)$/i.test(name)

/** Whether there is a zone of this name. */
export const isZone = (name: string): boolean => Option.isSome(DateTime.zoneMakeNamed(name))

/** Throws for a zone that does not exist: check names from outside with `isZone` first. */
export const makeZone = (name: string): Zone => {
  if (isUtc(name)) return { toUtc: (local) => local }
  const timeZone = DateTime.zoneMakeNamedUnsafe(name)
  const shifts = new Map<number, number>()
  return {
    toUtc: (local) => {
      if (Number.isNaN(local)) return local
      const quarter = Math.floor(local / QUARTER)
      const known = shifts.get(quarter)
      if (known !== undefined) return local + known
      const zoned = DateTime.makeZonedUnsafe(local, { timeZone, adjustForTimeZone: true, disambiguation: "compatible" })
      const shift = DateTime.toEpochMillis(zoned) - local
      if (shifts.size >= CACHED_QUARTERS) shifts.clear()
      shifts.set(quarter, shift)
      return local + shift
    }
  }
}
