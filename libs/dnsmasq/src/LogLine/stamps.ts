/**
 * What instant a time in a log means, as RFC 3339 text in UTC with microseconds. Plain functions; a log repeats its
 * second many times, so the last answer is kept.
 */
import type { LogOptions } from "../LogRecord.ts"
import { number, SPACE } from "../tokens.ts"
import { makeZone, type Zone } from "../Zone.ts"
import { BSD, CLOCK, DATE, fractionEnd, type Stamp } from "./stampShapes.ts"

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** A log of other years has a clock that is wrong. */
const FIRST_YEAR = 1970
const LAST_YEAR = 2199

/** 29 February can be eight years back. */
const YEARS_BACK = 9

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

/** The instant of a UTC time in ms, or NaN when no calendar has it. A leap second counts as the next minute's first. */
const instant = (year: number, month: number, day: number, hour: number, minute: number, second: number): number => {
  if (year < 100 || hour > 23 || minute > 59 || second > 60) return Number.NaN
  const midnight = new Date(Date.UTC(year, month, day))
  if (midnight.getUTCMonth() !== month || midnight.getUTCDate() !== day) return Number.NaN
  return midnight.getTime() + hour * HOUR + minute * MINUTE + second * SECOND
}

const format = (instant: number, fraction: string): string | undefined => {
  const date = new Date(instant)
  const year = date.getUTCFullYear()
  if (!(year >= FIRST_YEAR && year <= LAST_YEAR)) return undefined
  return `${date.toISOString().slice(0, 19)}.${fraction.slice(0, 6).padEnd(6, "0")}Z`
}

/** The text of an instant given in seconds of the epoch and the digits after the point. */
export const fromEpoch = (seconds: string, fraction: string): string | undefined =>
  format(Number(seconds) * SECOND, fraction)

const monthAt = (line: string, at: number) => MONTHS.indexOf(line.slice(at, at + 3))

const dayAt = (line: string, at: number) => number(line, line.charCodeAt(at) === SPACE ? at + 1 : at, at + 2)

const clockAt = (line: string, at: number, year: number, month: number, day: number) =>
  instant(year, month, day, number(line, at, at + 2), number(line, at + 3, at + 5), number(line, at + 6, at + 8))

const dateAt = (line: string, at: number) => {
  const year = number(line, at, at + 4)
  const month = number(line, at + 5, at + 7) - 1
  return clockAt(line, at + DATE + 1, year, month, number(line, at + 8, at + 10))
}

const fractionAt = (line: string, at: number) => line.slice(at + 1, fractionEnd(line, at))

/** The offset that the text names, in ms; undefined when it names none, or one that only its author knows (`CET`). */
const offsetOf = (text: string): number | undefined => {
  if (text === "Z" || text === "z" || text === "UTC" || text === "GMT") return 0
  const match = /^([+-])(\d\d):?(\d\d)?$/.exec(text)
  if (match === null) return undefined
  const size = Number(match[2]) * HOUR + Number(match[3] ?? 0) * MINUTE
  return match[1] === "-" ? -size : size
}

const toUtc = (local: number, offset: string, zone: Zone): number => {
  const known = offsetOf(offset)
  return known === undefined ? zone.toUtc(local) : local - known
}

/** Turns recognised times into text. */
export interface Stamps {
  at(line: string, stamp: Stamp): string | undefined
  /** Moves "now". */
  refer(now: number): void
}

export const makeStamps = (options: LogOptions): Stamps => {
  const zone = makeZone(options.zone ?? "UTC")
  let reference = options.reference
  let year = options.year
  let month: number | undefined
  let lastText = ""
  let lastAnswer: string | undefined

  /** The year given, moved on when the log goes over New Year, and back for a line from before it. */
  const yearOf = (given: number, next: number): number => {
    const before = month ?? next
    month = next
    if (before >= 10 && next <= 1) year = given + 1
    else if (before <= 1 && next >= 10) year = given - 1
    return year ?? given
  }

  /** The latest year that puts the time at most a day after the reference. */
  const bsd = (line: string, at: number): number => {
    const monthOfYear = monthAt(line, at)
    const day = dayAt(line, at + 4)
    const inYear = (candidate: number) => zone.toUtc(clockAt(line, at + BSD - CLOCK, candidate, monthOfYear, day))
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

  const iso = (line: string, date: number, offset: number, to: number) => {
    const fraction = date + DATE + 1 + CLOCK
    return format(toUtc(dateAt(line, date), line.slice(offset, to), zone), fractionAt(line, fraction))
  }

  const read = (line: string, { from, shape, to }: Stamp): string | undefined => {
    switch (shape) {
      case "bsd":
        return format(bsd(line, from), fractionAt(line, from + BSD))
      case "iso":
        return iso(line, from, fractionEnd(line, from + DATE + 1 + CLOCK), to)
      case "full":
        return iso(line, from + 4, fractionEnd(line, from + 4 + DATE + 1 + CLOCK) + 1, to)
      case "ctime": {
        const local = clockAt(line, from + 11, number(line, to - 4, to), monthAt(line, from + 4), dayAt(line, from + 8))
        return format(zone.toUtc(local), "")
      }
      case "unix": {
        const dot = line.indexOf(".", from)
        return fromEpoch(line.slice(from, dot), line.slice(dot + 1, to))
      }
      default:
        return undefined
    }
  }

  return {
    at: (line, stamp) => {
      if (stamp.shape === "none") return undefined
      if (lastText.length === stamp.to - stamp.from && line.startsWith(lastText, stamp.from)) return lastAnswer
      lastAnswer = read(line, stamp)
      lastText = line.slice(stamp.from, stamp.to)
      return lastAnswer
    },
    refer: (now) => {
      reference = now
      lastText = ""
    }
  }
}
