/**
 * What instant a time in a log means, as RFC 3339 text in UTC with microseconds. Plain functions; a log stays in a
 * minute for many lines, so the last minute is kept.
 */
import type { LogOptions } from "../LogRecord.ts"
import { DOT, number, SPACE } from "../tokens.ts"
import { makeZone } from "../Zone.ts"
import { BSD, CLOCK, DATE, type Stamp, type StampShape } from "./stampShapes.ts"

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** A log of other years has a clock that is wrong. */
const FIRST_YEAR = 1970
const LAST_YEAR = 2199

/** 29 February can be eight years back. */
const YEARS_BACK = 9

/** In months. A log that goes back this far goes on in the next year; one that goes back less has a clock that was set. */
const HALF_A_YEAR = 6

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

/** The instant of a UTC time in ms, or NaN when no calendar has it. A leap second counts as the next minute's first. */
const instant = (year: number, month: number, day: number, hour: number, minute: number, second: number): number => {
  if (year < 100 || hour > 23 || minute > 59 || second > 60) return Number.NaN
  const midnight = new Date(Date.UTC(year, month, day))
  if (midnight.getUTCMonth() !== month || midnight.getUTCDate() !== day) return Number.NaN
  return midnight.getTime() + hour * HOUR + minute * MINUTE + second * SECOND
}

/** To the second, `2026-11-22T03:50:23`; undefined for an instant that no log is from. */
const format = (instant: number): string | undefined => {
  const date = new Date(instant)
  const year = date.getUTCFullYear()
  return year >= FIRST_YEAR && year <= LAST_YEAR ? date.toISOString().slice(0, 19) : undefined
}

const MICROS = 6
const SECONDS = 2

/** The text of an instant given in seconds of the epoch and the digits after the point. */
export const fromEpoch = (seconds: string, digits: string): string | undefined => {
  const second = format(Number(seconds) * SECOND)
  return second === undefined ? undefined : `${second}.${digits.slice(0, MICROS).padEnd(MICROS, "0")}Z`
}

/** A second with the fraction that the line has between two places, to the microsecond. */
export const withFraction = (second: string, line: string, from: number, to: number): string => {
  const usual = to - from === MICROS + 1 && line.charCodeAt(from) === DOT
  const fraction = usual
    ? line.slice(from, to)
    : `.${line.slice(from + 1, Math.min(to, from + 1 + MICROS)).padEnd(MICROS, "0")}`
  return `${second}${fraction}Z`
}

const monthAt = (line: string, at: number) => MONTHS.indexOf(line.slice(at, at + 3))

const dayAt = (line: string, at: number) => number(line, line.charCodeAt(at) === SPACE ? at + 1 : at, at + 2)

const clockAt = (line: string, at: number, year: number, month: number, day: number) =>
  instant(year, month, day, number(line, at, at + 2), number(line, at + 3, at + 5), number(line, at + 6, at + 8))

const dateAt = (line: string, at: number) => {
  const year = number(line, at, at + 4)
  const month = number(line, at + 5, at + 7) - 1
  return clockAt(line, at + DATE + 1, year, month, number(line, at + 8, at + 10))
}

/** The offset that the text names, in ms; undefined when it names none, or one that only its author knows (`CET`). */
const offsetOf = (text: string): number | undefined => {
  if (text === "Z" || text === "z" || text === "UTC" || text === "GMT") return 0
  const match = /^([+-])(\d\d):?(\d\d)?$/.exec(text)
  if (match === null) return undefined
  const size = Number(match[2]) * HOUR + Number(match[3] ?? 0) * MINUTE
  return match[1] === "-" ? -size : size
}

/** Turns recognised times into text. */
export interface Stamps {
  /** Without its fraction. */
  second(line: string, stamp: Stamp): string | undefined
  at(line: string, stamp: Stamp): string | undefined
  /** Moves "now". */
  refer(now: number): void
}

export const makeStamps = (options: LogOptions): Stamps => {
  const zone = makeZone(options.zone ?? "UTC")
  let reference = options.reference
  let previous = options.previous
  let year = options.year
  let month: number | undefined
  let lastShape: StampShape = "none"
  let lastHead = ""
  let lastTail = ""
  let lastMinute: string | undefined

  const toUtc = (local: number, offset: string): number => {
    const known = offsetOf(offset)
    return known === undefined ? zone.toUtc(local, previous) : local - known
  }

  /** The year given, moved on when the log goes over New Year, and back for a line from before it. */
  const yearOf = (given: number, next: number): number => {
    const before = month ?? next
    month = next
    if (before - next > HALF_A_YEAR) year = given + 1
    else if (before <= 1 && next >= 10) year = given - 1
    return year ?? given
  }

  /** The latest year that puts the time at most a day after the reference. */
  const bsd = (line: string, at: number): number => {
    const monthOfYear = monthAt(line, at)
    const day = dayAt(line, at + 4)
    const inYear = (candidate: number) => toUtc(clockAt(line, at + BSD - CLOCK, candidate, monthOfYear, day), "")
    if (monthOfYear === -1) return Number.NaN
    if (year !== undefined) return inYear(yearOf(year, monthOfYear))
    if (reference === undefined) return Number.NaN
    const latest = new Date(reference).getUTCFullYear() + 1
    for (let candidate = latest; candidate >= latest - YEARS_BACK; candidate--) {
      const answer = inYear(candidate)
      if (answer <= reference + DAY) return answer
    }
    return Number.NaN
  }

  const instantOf = (line: string, { from, fractionTo, shape, to }: Stamp): number => {
    switch (shape) {
      case "bsd":
        return bsd(line, from)
      case "iso":
        return toUtc(dateAt(line, from), line.slice(fractionTo, to))
      case "full":
        return toUtc(dateAt(line, from + 4), line.slice(fractionTo + 1, to))
      case "ctime": {
        const year = number(line, to - 4, to)
        return toUtc(clockAt(line, from + 11, year, monthAt(line, from + 4), dayAt(line, from + 8)), "")
      }
      case "unix":
        return number(line, from, line.indexOf(".", from)) * SECOND
      default:
        return Number.NaN
    }
  }

  /** Whether the line has the last time again, but for its seconds and their fraction. */
  const isSameMinute = (line: string, { fraction, fractionTo, from, shape, to }: Stamp) =>
    shape === lastShape &&
    fraction - from === lastHead.length + SECONDS &&
    to - fractionTo === lastTail.length &&
    line.startsWith(lastHead, from) &&
    line.startsWith(lastTail, fractionTo)

  const second = (line: string, stamp: Stamp): string | undefined => {
    const { fraction, shape } = stamp
    const seconds = line.slice(fraction - SECONDS, fraction)
    if (isSameMinute(line, stamp) && seconds < "60") return lastMinute === undefined ? undefined : lastMinute + seconds
    const found = instantOf(line, stamp)
    if (!Number.isNaN(found)) previous = found
    const answer = format(found)
    // In these shapes the seconds come last, and no zone changes its clock within a minute.
    const isKept = (shape === "bsd" || shape === "iso" || shape === "full") && seconds < "60"
    lastShape = isKept ? shape : "none"
    lastHead = line.slice(stamp.from, fraction - SECONDS)
    lastTail = line.slice(stamp.fractionTo, stamp.to)
    lastMinute = answer?.slice(0, -SECONDS)
    return answer
  }

  return {
    second,
    at: (line, stamp) => {
      const known = stamp.shape === "none" ? undefined : second(line, stamp)
      return known === undefined ? undefined : withFraction(known, line, stamp.fraction, stamp.fractionTo)
    },
    refer: (now) => {
      reference = now
      lastShape = "none"
    }
  }
}
