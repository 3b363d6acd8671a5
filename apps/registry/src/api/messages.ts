/** Between what the database says and the messages of the API: times, and fields decoded by a schema. */
import type { MessageInitShape } from "@bufbuild/protobuf"
import type { Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt"
import { Effect, Schema } from "effect"
import { ApiError } from "./ApiError.ts"

type TimestampInit = MessageInitShape<typeof TimestampSchema>

/** From `2026-11-22T03:50:23.055763Z`, with its microseconds. */
export const toTimestamp = (text: string): TimestampInit => ({
  seconds: BigInt(Date.parse(`${text.slice(0, 19)}Z`) / 1000),
  nanos: Number(text.slice(20, 26)) * 1000
})

/** For a field that is left out where there is none. */
export const optionalTimestamp = <Key extends string>(
  key: Key,
  text: string | null
): Partial<Record<Key, TimestampInit>> => {
  const field: Partial<Record<Key, TimestampInit>> = {}
  if (text !== null) field[key] = toTimestamp(text)
  return field
}

const earliest = 0n
const latest = 7_258_118_400n

/** As PostgreSQL takes it. */
export const fromTimestamp = (
  field: string,
  { nanos, seconds }: Timestamp
): Effect.Effect<string, ApiError> =>
  seconds < earliest || seconds >= latest || nanos < 0 || nanos > 999_999_999
    ? Effect.fail(ApiError.invalid(field, "a time from 1970 to 2199", `${seconds}.${nanos}`))
    : Effect.succeed(
      `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${
        String(Math.floor(nanos / 1000)).padStart(6, "0")
      }Z`
    )

/** Decodes the fields of requests; `expected` says what one may be. */
export const field = <S extends Schema.Top & { readonly DecodingServices: never }>(schema: S, expected: string) => {
  const decode = Schema.decodeUnknownEffect(schema)
  return (name: string, value: unknown): Effect.Effect<S["Type"], ApiError> =>
    Effect.mapError(decode(value), () => ApiError.invalid(name, expected, value))
}
