/**
 * Times and spans of time as administrators write and read them.
 *
 * An instant is as exact as the registry's (microseconds); what is printed for programs loses nothing of it.
 */
import { Option } from "effect"

/** Seconds since 1970, and what is left of one; a protobuf timestamp is one. */
export interface Instant {
  readonly seconds: bigint
  readonly nanos: number
}

/** A span of time; a protobuf duration is one. */
export interface Span {
  readonly seconds: bigint
  readonly nanos: number
}

export const instantOf = (millis: number): Instant => ({
  seconds: BigInt(Math.floor(millis / 1000)),
  nanos: (((Math.trunc(millis) % 1000) + 1000) % 1000) * 1_000_000
})

export const millisOf = ({ nanos, seconds }: Instant): number => Number(seconds) * 1000 + Math.trunc(nanos / 1_000_000)

/** RFC 3339 in UTC, with as many digits as it needs: none, three or six. */
export const formatInstant = (instant: Instant): string => {
  const date = new Date(Number(instant.seconds) * 1000)
  if (Number.isNaN(date.getTime())) return ""
  const text = date.toISOString().slice(0, -5)
  const micros = String(Math.trunc(instant.nanos / 1000)).padStart(6, "0")
  if (micros === "000000") return `${text}Z`
  return `${text}.${micros.endsWith("000") ? micros.slice(0, 3) : micros}Z`
}

const formatters = new Map<string, Intl.DateTimeFormat>()
const formatterOf = (zone: string | undefined): Intl.DateTimeFormat => {
  const known = formatters.get(zone ?? "")
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat("en-GB", {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZoneName: "short",
    ...(zone === undefined ? {} : { timeZone: zone })
  })
  formatters.set(zone ?? "", made)
  return made
}

/** `2026-11-22 09:14:03 CET`; the machine's zone where none is given. */
export const formatLocal = (instant: Instant, zone?: string): string => {
  const millis = millisOf(instant)
  if (Number.isNaN(new Date(millis).getTime())) return ""
  const parts = new Map(formatterOf(zone).formatToParts(millis).map(({ type, value }) => [type, value]))
  const get = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? ""
  return `${get("year")}-${get("month")}-${get("day")} ${get("hour")}:${get("minute")}:${get("second")} ${
    get("timeZoneName")
  }`
}

const units: ReadonlyArray<readonly [unit: string, seconds: number]> = [
  ["w", 604_800],
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
  ["s", 1]
]

const spanPattern = /^(\d{1,9})(w|d|h|m|s)?$/u

/** `90s`, `15m`, `12h`, `30d`, `2w`; seconds where no unit is given, as dnsmasq does. */
export const parseSpan = (text: string): Option.Option<Span> => {
  const [, count = "", unit = "s"] = spanPattern.exec(text.trim().toLowerCase()) ?? []
  if (count === "") return Option.none()
  const size = units.find(([name]) => name === unit)?.[1] ?? 1
  return Option.some({ seconds: BigInt(count) * BigInt(size), nanos: 0 })
}

/** As `parseSpan` reads it, in days at most. */
export const formatSpan = ({ seconds }: Span): string => {
  // Nobody means 1w who says 7d.
  const unit = units.slice(1).find(([, size]) => seconds % BigInt(size) === 0n && seconds >= BigInt(size))
  return unit === undefined ? `${seconds}s` : `${seconds / BigInt(unit[1])}${unit[0]}`
}

const hasZone = /(?:z|[+-]\d{2}:?\d{2})$/iu
const isoPattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:[t ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(?:z|[+-]\d{2}:?\d{2})?)?$/iu

const parseDate = (text: string): Option.Option<Instant> => {
  const [, year = "", month = "", day = "", hour = "00", minute = "00"] = isoPattern.exec(text) ?? []
  if (year === "") return Option.none()
  // A date without a time is midnight here, not in Greenwich.
  const full = hasZone.test(text.slice(10)) ? text : `${text.slice(0, 10)}T${text.slice(11) || "00:00"}`
  const millis = Date.parse(full.replace(" ", "T"))
  const isDate = new Date(`${year}-${month}-${day}T00:00:00Z`)
  if (Number.isNaN(millis) || Number.isNaN(isDate.getTime()) || Number(hour) > 23 || Number(minute) > 59) {
    return Option.none()
  }
  return isDate.toISOString().startsWith(`${year}-${month}-${day}`) ? Option.some(instantOf(millis)) : Option.none()
}

/** What `parseTime` understands, for a message. */
export const timeForms = "a time such as 2026-11-22T10:30:00Z, 2026-11-22 10:30 (local), or 2h ago"

/** RFC 3339; a local date with or without a time; `now`; or how long ago: `15m`, `2h ago`, `3d`. */
export const parseTime = (text: string, now: number): Option.Option<Instant> => {
  const trimmed = text.trim()
  if (trimmed === "now") return Option.some(instantOf(now))
  const ago = /^(\d{1,9}[wdhms])(?: ago)?$/iu.exec(trimmed)?.[1]
  if (ago !== undefined) {
    return Option.map(parseSpan(ago), ({ seconds }) => instantOf(now - Number(seconds) * 1000))
  }
  return parseDate(trimmed)
}
