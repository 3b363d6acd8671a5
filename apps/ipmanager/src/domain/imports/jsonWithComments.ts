/**
 * JSON as Kea writes it: with `#`, `//` and C comments, and commas after the last of a list. Every value knows its line.
 *
 * Nesting is limited, so that no file can exhaust the stack.
 */
import { Data, Result } from "effect"

export interface JsonNode {
  readonly line: number
  readonly value: string | number | boolean | null | ReadonlyArray<JsonNode> | ReadonlyMap<string, JsonNode>
}

export class JsonError extends Data.TaggedError("JsonError")<{ readonly line: number; readonly message: string }> {}

const deepest = 64

const token =
  /(?<space>\s+|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<text>"(?:[^"\\\n]|\\.)*")|(?<word>-?\d[\d.eE+-]*|true|false|null)|(?<mark>[{}[\],:])/uy

interface Token {
  readonly kind: "text" | "word" | "mark" | "end"
  readonly text: string
  readonly line: number
}

const tokens = function*(source: string): Generator<Token, void> {
  let line = 1
  let at = 0
  while (at < source.length) {
    token.lastIndex = at
    const match = token.exec(source)
    const groups = match?.groups
    if (match === null || groups === undefined) {
      throw new JsonError({ line, message: `${JSON.stringify(source.slice(at, at + 20))} is no JSON` })
    }
    if (groups["space"] === undefined) {
      const kind = groups["text"] !== undefined ? "text" : groups["word"] !== undefined ? "word" : "mark"
      yield { kind, text: match[0], line }
    }
    line += match[0].split("\n").length - 1
    at += match[0].length
  }
  yield { kind: "end", text: "the end of the file", line }
}

const scalar = ({ kind, line, text }: Token): string | number | boolean | null => {
  try {
    const value: unknown = JSON.parse(text)
    if (kind !== "end" && (value === null || ["string", "number", "boolean"].includes(typeof value))) {
      return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null
    }
  } catch {
    // Told below, with its line.
  }
  throw new JsonError({ line, message: `expected a value, got ${text}` })
}

/** What is not JSON fails with its line. */
export const parseJsonWithComments = (source: string): Result.Result<JsonNode, JsonError> =>
  Result.try({
    try: () => parse([...tokens(source.replace(/^\ufeff/u, ""))]),
    catch: (error) => (error instanceof JsonError ? error : new JsonError({ line: 1, message: String(error) }))
  })

const parse = (all: ReadonlyArray<Token>): JsonNode => {
  let next = 0
  const end: Token = { kind: "end", text: "the end of the file", line: 1 }
  const peek = () => all[next] ?? end
  const take = () => {
    const taken = peek()
    next++
    return taken
  }
  const expect = (mark: string) => {
    const taken = take()
    if (taken.text !== mark) throw new JsonError({ line: taken.line, message: `expected ${mark}, got ${taken.text}` })
  }
  const list = <A>(close: string, one: () => A): ReadonlyArray<A> => {
    const found: Array<A> = []
    while (peek().text !== close) {
      found.push(one())
      if (peek().text === ",") take()
      else if (peek().text !== close) expect(close)
    }
    take()
    return found
  }
  const value = (depth: number): JsonNode => {
    const first = take()
    const { line } = first
    if (depth > deepest) throw new JsonError({ line, message: `nested deeper than ${deepest}` })
    if (first.text === "[") return { line, value: list("]", () => value(depth + 1)) }
    if (first.text !== "{") return { line, value: scalar(first) }
    return {
      line,
      value: new Map(list("}", () => {
        const key = take()
        if (key.kind !== "text") throw new JsonError({ line: key.line, message: `expected a key, got ${key.text}` })
        expect(":")
        return [String(scalar(key)), value(depth + 1)] as const
      }))
    }
  }
  const whole = value(0)
  const rest = take()
  if (rest.kind !== "end") throw new JsonError({ line: rest.line, message: `expected nothing more, got ${rest.text}` })
  return whole
}
