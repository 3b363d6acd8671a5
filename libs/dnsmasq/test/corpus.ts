/** The captured logs and what is expected of each of their lines. */
import { Schema } from "effect"
import { readFileSync } from "node:fs"

const directory = new URL("./fixtures/corpus/", import.meta.url)

export const readFixture = (name: string): Uint8Array => readFileSync(new URL(name, directory))

const Expected = Schema.Struct({
  file: Schema.String,
  line: Schema.Int,
  kind: Schema.NullOr(Schema.String),
  subkind: Schema.optionalKey(Schema.String),
  mac: Schema.optionalKey(Schema.String),
  ip: Schema.optionalKey(Schema.String),
  interface: Schema.optionalKey(Schema.String),
  hostname: Schema.optionalKey(Schema.String),
  xid: Schema.optionalKey(Schema.Int),
  duid: Schema.optionalKey(Schema.String),
  reason: Schema.optionalKey(Schema.String),
  ambiguous: Schema.optionalKey(Schema.Boolean)
})
export type Expected = typeof Expected.Type

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Expected))

const text = (name: string) => new TextDecoder().decode(readFixture(name))

export const expected: ReadonlyArray<Expected> = text("expected.jsonl").trimEnd().split("\n").map((line) =>
  decode(line)
)

export const files: ReadonlyArray<string> = [...new Set(expected.map(({ file }) => file))]

/** All lines of a captured log, without their ends. */
export const linesOf = (file: string): ReadonlyArray<string> => text(file).split("\n")

/** Every line of every captured log. */
export const allLines: ReadonlyArray<string> = files.flatMap((file) => linesOf(file).filter((line) => line !== ""))
