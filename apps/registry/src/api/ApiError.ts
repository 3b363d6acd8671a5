/**
 * What a caller is told when a call is refused: why, in words that say what to do, and which fields are wrong.
 *
 * It is the only failure that leaves the API as it is; everything else is a defect, and is told as "internal".
 */
import { harmfulCharacters } from "@leasehold/events"
import { Schema } from "effect"

export const ApiErrorCode = Schema.Literals([
  "invalid-argument",
  "not-found",
  "already-exists",
  "failed-precondition",
  "resource-exhausted",
  "aborted",
  "out-of-range",
  "unauthenticated",
  "permission-denied",
  "deadline-exceeded",
  "unavailable"
])
export type ApiErrorCode = typeof ApiErrorCode.Type

const Violation = Schema.Struct({ field: Schema.String, description: Schema.String })

export class ApiError extends Schema.TaggedError<ApiError>()("ApiError", {
  code: ApiErrorCode,
  message: Schema.String,
  violations: Schema.Array(Violation)
}) {
  /** A field that is not what it should be. `actual` is shown shortened and without control characters. */
  static invalid(field: string, expected: string, actual?: unknown): ApiError {
    const description = actual === undefined ? `expected ${expected}` : `expected ${expected}, got ${shown(actual)}`
    return new ApiError({
      code: "invalid-argument",
      message: `${field}: ${description}`,
      violations: [{ field, description }]
    })
  }

  /** Any other refusal, of a field where there is one. */
  static refuse(code: ApiErrorCode, message: string, field?: string): ApiError {
    return new ApiError({
      code,
      message: field === undefined ? message : `${field}: ${message}`,
      violations: field === undefined ? [] : [{ field, description: message }]
    })
  }
}

const longest = 80
const harmful = new RegExp(`[${harmfulCharacters}]`, "gu")

/** Text of a caller as it may be told: nothing in it moves a cursor, reverses the writing direction, or cannot be seen. */
export const harmless = (text: string): string => text.replaceAll(harmful, "\uFFFD")

const shown = (value: unknown): string => {
  const text = harmless(JSON.stringify(value) ?? String(value))
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
