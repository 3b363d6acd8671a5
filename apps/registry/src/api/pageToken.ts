/**
 * Where a list goes on: the key of the last row told, bound to the question, so that a token of another question is refused.
 * Opaque to callers, and nothing that must be kept from them.
 */
import { Effect, Option, Schema } from "effect"
import { hash } from "node:crypto"
import { ApiError } from "./ApiError.ts"

const Content = Schema.fromJsonString(Schema.Struct({ q: Schema.String, after: Schema.Array(Schema.String) }))
const decode = Schema.decodeOption(Content)
const longest = 1_000

const digest = (question: unknown): string =>
  hash("sha256", JSON.stringify(question, (_, value) => typeof value === "bigint" ? String(value) : value), "hex")
    .slice(0, 16)

export const pageToken = (question: unknown, after: ReadonlyArray<string>): string =>
  Buffer.from(JSON.stringify({ q: digest(question), after })).toString("base64url")

/**
 * Reads the key to go on after; none where the list begins. Anybody can write a token, so that the key is read as that of a
 * row of the list.
 */
export const pageTokenReader = <S extends Schema.Top & { readonly DecodingServices: never }>(key: S) => {
  const decodeKey = Schema.decodeUnknownOption(key)
  return (question: unknown, token: string): Effect.Effect<S["Type"] | undefined, ApiError> => {
    if (token === "") return Effect.undefined
    const content = token.length > longest ? Option.none() : decode(Buffer.from(token, "base64url").toString("utf8"))
    const own = Option.filter(content, ({ q }) => q === digest(question))
    return Effect.mapError(
      Effect.fromOption(Option.flatMap(own, ({ after }) => decodeKey(after))),
      () => ApiError.invalid("page_token", "the token that the page before came with, for the same question")
    )
  }
}

/** An identifier that PostgreSQL can count to. */
export const Identifier = Schema.String.check(Schema.isPattern(/^[1-9][0-9]{0,17}$/u))

/** At most a thousand, a hundred where nothing is said. */
export const pageSize = (wanted: number): Effect.Effect<number, ApiError> =>
  wanted < 0
    ? Effect.fail(ApiError.invalid("page_size", "a number from 0 to 1000", wanted))
    : Effect.succeed(wanted === 0 ? 100 : Math.min(wanted, 1_000))
