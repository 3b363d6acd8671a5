/**
 * The shapes of the times that stand before a log message. Only shapes: whether a calendar has the time is asked later,
 * so that a line with a senseless time keeps its message. Plain functions over char codes.
 */
import { COLON, DASH, digitsEnd, DOT, isDigit, isLower, isUpper, OPEN_BRACKET, SPACE } from "../tokens.ts"

/** `Nov 22 03:50:23` */
export const BSD = 15
/** `2026-11-22` */
export const DATE = 10
/** `03:50:23` */
export const CLOCK = 8
/** `2026-11-22T03:50:23` */
const ISO = DATE + 1 + CLOCK

export type StampShape = "none" | "bsd" | "iso" | "ctime" | "full" | "unix" | "monotonic"

/** A time recognised in a line. */
export interface Stamp {
  shape: StampShape
  from: number
  /** Where the fraction of its second begins, with its point; */
  fraction: number
  /** and where that ends: the same place when there is none. */
  fractionTo: number
  to: number
  /** Where the rest of the line begins, after one blank. */
  next: number
}

export const makeStamp = (): Stamp => ({ shape: "none", from: 0, fraction: 0, fractionTo: 0, to: 0, next: 0 })

const isClock = (line: string, at: number) =>
  line.charCodeAt(at + 2) === COLON &&
  line.charCodeAt(at + 5) === COLON &&
  isDigit(line.charCodeAt(at)) &&
  isDigit(line.charCodeAt(at + 1)) &&
  isDigit(line.charCodeAt(at + 3)) &&
  isDigit(line.charCodeAt(at + 4)) &&
  isDigit(line.charCodeAt(at + 6)) &&
  isDigit(line.charCodeAt(at + 7))

const isName = (line: string, at: number) =>
  isUpper(line.charCodeAt(at)) &&
  isLower(line.charCodeAt(at + 1)) &&
  isLower(line.charCodeAt(at + 2)) &&
  line.charCodeAt(at + 3) === SPACE

const isDayOfMonth = (line: string, at: number) =>
  (line.charCodeAt(at) === SPACE || isDigit(line.charCodeAt(at))) && isDigit(line.charCodeAt(at + 1))

const isBsd = (line: string, at: number) =>
  isName(line, at) && isDayOfMonth(line, at + 4) && line.charCodeAt(at + 6) === SPACE && isClock(line, at + 7)

const isDate = (line: string, at: number) =>
  digitsEnd(line, at, 4) === at + 4 &&
  line.charCodeAt(at + 4) === DASH &&
  digitsEnd(line, at + 5, 2) === at + 7 &&
  line.charCodeAt(at + 7) === DASH &&
  digitsEnd(line, at + 8, 2) === at + 10

/** Where a fraction of a second that begins at `at` ends; `at` when there is none. */
export const fractionEnd = (line: string, at: number): number => {
  const mark = line.charCodeAt(at)
  if (mark !== DOT && mark !== 0x2c) return at
  const end = digitsEnd(line, at + 1, 9)
  return end === -1 ? at : end
}

const offsetEnd = (line: string, at: number) => {
  const mark = line.charCodeAt(at)
  if (mark === 0x5a || mark === 0x7a) return at + 1
  if (mark !== 0x2b && mark !== DASH) return at
  const hours = digitsEnd(line, at + 1, 2)
  if (hours !== at + 3) return at
  const minutes = line.charCodeAt(hours) === COLON ? hours + 1 : hours
  return digitsEnd(line, minutes, 2) === minutes + 2 ? minutes + 2 : hours
}

/** `2026-11-22T03:50:23`, or with a blank for the T. */
const isIso = (line: string, at: number): boolean => {
  const mark = line.charCodeAt(at + DATE)
  return (mark === 0x54 || mark === SPACE) && isDate(line, at) && isClock(line, at + DATE + 1)
}

const found = (
  line: string,
  stamp: Stamp,
  shape: StampShape,
  from: number,
  fraction: number,
  fractionTo: number,
  to: number
): boolean => {
  if (line.charCodeAt(to) !== SPACE) return false
  stamp.shape = shape
  stamp.from = from
  stamp.fraction = fraction
  stamp.fractionTo = fractionTo
  stamp.to = to
  stamp.next = to + 1
  return true
}

/** `Sun Nov 22 03:50:23 2026` (logread), `Sun 2026-11-22 03:50:23 UTC` (journalctl -o short-full). */
const readWeekday = (line: string, at: number, stamp: Stamp): boolean => {
  const date = at + 4
  if (isBsd(line, date)) {
    const year = date + BSD + 1
    const end = year + 4
    return line.charCodeAt(year - 1) === SPACE && digitsEnd(line, year, 4) === end &&
      found(line, stamp, "ctime", at, end, end, end)
  }
  const fraction = date + ISO
  const fractionTo = fractionEnd(line, fraction)
  const end = line.indexOf(" ", fractionTo + 1)
  return isIso(line, date) && line.charCodeAt(date + DATE) === SPACE && line.charCodeAt(fractionTo) === SPACE &&
    end > fractionTo + 1 && end - fractionTo <= 7 && found(line, stamp, "full", at, fraction, fractionTo, end)
}

/** `4030.863730`: where its point is, or -1. */
const secondsEnd = (line: string, at: number) => {
  const dot = digitsEnd(line, at, 12)
  return dot !== -1 && line.charCodeAt(dot) === DOT && fractionEnd(line, dot) !== dot ? dot : -1
}

/** `[ 4030.863730]` (journalctl -o short-monotonic): says nothing about the time of day. */
const readMonotonic = (line: string, at: number, stamp: Stamp): boolean => {
  let start = at + 1
  while (line.charCodeAt(start) === SPACE && start - at < 12) start++
  const dot = secondsEnd(line, start)
  if (dot === -1) return false
  const end = fractionEnd(line, dot)
  return line.charCodeAt(end) === 0x5d && found(line, stamp, "monotonic", at, dot, end, end + 1)
}

/** Recognises the time at `at`, followed by a blank; false, and nothing changed, when there is none. */
export const readStamp = (line: string, at: number, stamp: Stamp): boolean => {
  const first = line.charCodeAt(at)
  if (isUpper(first)) {
    if (!isBsd(line, at)) return isName(line, at) && readWeekday(line, at, stamp)
    const end = fractionEnd(line, at + BSD)
    return found(line, stamp, "bsd", at, at + BSD, end, end)
  }
  if (isDigit(first)) {
    if (isIso(line, at)) {
      const end = fractionEnd(line, at + ISO)
      return found(line, stamp, "iso", at, at + ISO, end, offsetEnd(line, end))
    }
    // `1795320252.846268` (journalctl -o short-unix)
    const dot = secondsEnd(line, at)
    return dot !== -1 && found(line, stamp, "unix", at, dot, fractionEnd(line, dot), fractionEnd(line, dot))
  }
  return first === OPEN_BRACKET && readMonotonic(line, at, stamp)
}
