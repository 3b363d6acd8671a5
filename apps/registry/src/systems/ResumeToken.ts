/**
 * Where a watch goes on: how far the stream of facts was told, and, while the snapshot is not over, the last system of it.
 * Opaque to callers; bound to the question, and to the stream, which may have been made anew.
 */
import { Option, Schema } from "effect"
import { hash } from "node:crypto"
import type { SystemFilter } from "./SystemFilter.ts"

const Position = Schema.Struct({
  /** When the stream was made. */
  stream: Schema.String,
  /** The last sequence of the stream that was told, or that the snapshot covers. */
  sequence: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  /** The last system told of the snapshot; absent when it is over. */
  after: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^$|^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/u)))
})
export type WatchPosition = typeof Position.Type

const Content = Schema.fromJsonString(Schema.Struct({ of: Schema.String, position: Position }))
const decode = Schema.decodeOption(Content)
const longest = 400

const digest = (filter: SystemFilter): string => hash("sha256", JSON.stringify(filter), "hex").slice(0, 16)

/** Makes tokens for one question. */
export const resumeTokens = (filter: SystemFilter) => {
  const of = digest(filter)
  return (position: WatchPosition): string => Buffer.from(JSON.stringify({ of, position })).toString("base64url")
}

/** None where it is no token of this question. */
export const readResumeToken = (filter: SystemFilter, token: string): Option.Option<WatchPosition> =>
  token.length > longest ? Option.none() : decode(Buffer.from(token, "base64url").toString("utf8")).pipe(
    Option.filter(({ of }) => of === digest(filter)),
    Option.map(({ position }) => position)
  )
