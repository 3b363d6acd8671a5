/**
 * A point in time as text in UTC with microseconds: `2026-11-22T03:50:23.055763Z`.
 *
 * Any RFC 3339 time is understood. The width is fixed, so that the texts sort as the times do, and PostgreSQL takes them
 * as they are; JavaScript's dates would lose the microseconds, which order the lines of one second.
 */
import { Effect, Option, Schema, SchemaIssue, SchemaTransformation } from "effect"

const expected = "an RFC 3339 time with a zone, 1970 to 2199, such as 2026-11-22T03:50:23Z"
const canonical = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/u
const rfc3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):?(\d{2}))$/u

const Value = Schema.String.pipe(Schema.brand("Timestamp"))
export type Timestamp = typeof Value.Type

const pad = (value: number, width: number) => String(value).padStart(width, "0")

/** From microseconds since 1970; exact up to the year 2255. */
export const timestampFromMicros = (micros: number): Timestamp => {
  const millis = Math.floor(micros / 1000)
  return Value.make(`${new Date(millis).toISOString().slice(0, 23)}${pad(micros - millis * 1000, 3)}Z`)
}

export const timestampFromMillis = (millis: number): Timestamp => timestampFromMicros(Math.trunc(millis) * 1000)

/** Microseconds since 1970. */
export const timestampToMicros = (timestamp: Timestamp): number =>
  Date.parse(`${timestamp.slice(0, 23)}Z`) * 1000 + Number(timestamp.slice(23, 26))

export const parseTimestamp = (text: string): Option.Option<Timestamp> => {
  const parts = rfc3339.exec(text)
  if (parts === null) return Option.none()
  const [, year, month, day, hour, minute, second, fraction = "", sign, zoneHours = "0", zoneMinutes = "0"] = parts
  const seconds = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  // `Date.parse` turns 30 February into March: what does not come back unchanged was no date.
  if (Number.isNaN(seconds) || new Date(seconds).toISOString().slice(0, 10) !== `${year}-${month}-${day}`) {
    return Option.none()
  }
  if (Number(zoneHours) > 23 || Number(zoneMinutes) > 59) return Option.none()
  const offset = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000 * (sign === "-" ? -1 : 1)
  if (seconds < 0 || Number(year) >= 2200) return Option.none()
  return Option.some(
    timestampFromMicros((seconds - offset) * 1000 + Number(fraction.padEnd(6, "0").slice(0, 6)))
  )
}

export const Timestamp = Schema.String.annotate({ description: "RFC 3339 time", format: "date-time" }).pipe(
  Schema.decodeTo(
    Value,
    SchemaTransformation.transformEffect({
      decode: (text: string) =>
        Effect.fromOption(
          canonical.test(text) && !Number.isNaN(Date.parse(text)) ? Option.some(Value.make(text)) : parseTimestamp(text)
        ).pipe(
          Effect.mapError(() => new SchemaIssue.InvalidValue({ expected }, text))
        ),
      encode: (timestamp: string) => Effect.succeed(timestamp)
    })
  )
)
