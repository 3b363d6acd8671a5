/**
 * Why something was refused: the field, what was expected there, and what was found.
 *
 * `actual` is JSON, cut to 200 characters, so that it is safe to print and to log.
 */
import { Schema, SchemaIssue } from "effect"
import { sanitizeText } from "./scalars/Text.ts"

export class Rejection extends Schema.TaggedError<Rejection>()("Rejection", {
  field: Schema.String.annotate({ description: "Path of the field, `subject`, or `body` for the whole" }),
  expected: Schema.String,
  actual: Schema.String
}) {
  override get message() {
    return `${this.field}: expected ${this.expected}, got ${this.actual}`
  }
}

/** `actual` as it is shown: JSON in one line, harmless, at most 200 characters; `missing` for what is not there. */
export const showActual = (value: unknown): string => {
  if (value === undefined) return "missing"
  const text = sanitizeText(JSON.stringify(value) ?? String(value))
  return text.length > 200 ? `${text.slice(0, 199)}…` : text
}

const format = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    const text = SchemaIssue.defaultLeafHook(issue)
    return issue._tag === "MissingKey" && text === "Missing key" ? "Expected a value" : text
  }
})

const at = (input: unknown, path: ReadonlyArray<PropertyKey>): unknown =>
  path.reduce<unknown>(
    (value, key) => typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined,
    input
  )

/** The first problem of a failed decoding, in the words of the schema. */
export const rejectionOf = (issue: SchemaIssue.Issue, input: unknown): Rejection => {
  const first = format(issue).issues[0]
  const path = (first?.path ?? []).map((segment) => typeof segment === "object" ? segment.key : segment)
  return new Rejection({
    field: path.length === 0 ? "body" : path.map(String).join("."),
    expected: (first?.message ?? "something else").replace(/^Expected /u, ""),
    actual: showActual(at(input, path))
  })
}
