/**
 * How dnsmasq takes a line of its configuration apart: quotes, escapes, comments, blanks, commas, in its order. A
 * character that was quoted has lost its meaning to the parser; here it lies in a private plane until `plain`.
 */
import { Result } from "effect"
import { type DhcpHostError, problem } from "./HostProblem.ts"

/** dnsmasq reads 1024 bytes at a time and takes the rest for another line; stay clear of it. */
export const LONGEST_LINE = 1000

const ESCAPES: Readonly<Record<string, string>> = {
  t: "\t",
  n: "\n",
  b: "\b",
  r: "\r",
  e: "\u001b",
  "\"": "\"",
  "\\": "\\"
}

const HIDDEN = 0xf0000

/** No file of an operator has these; one that does cannot be told from quoted text. */
const RESERVED = /[\u{f0000}-\u{f00ff}]/u

const hide = (character: string) => String.fromCodePoint(HIDDEN + (character.codePointAt(0) ?? 0))

/** The characters that the parser gives a meaning to. */
const hasMeaning = (character: string) => /[\d \b\t\na-eA-E\r\u001bF:,.]/.test(character)

/** Gives quoted characters their faces back. */
export const plain = (text: string): string =>
  text.replace(new RegExp(RESERVED, "gu"), (hidden) => String.fromCodePoint((hidden.codePointAt(0) ?? HIDDEN) - HIDDEN))

const isBlank = (character: string) => /[ \t\n\v\f\r]/.test(character)

interface Quoted {
  readonly text: string
  /** Behind the closing quote; -1 when there is none. */
  readonly end: number
}

const readQuoted = (line: string, from: number): Quoted => {
  let text = ""
  for (let at = from; at < line.length; at++) {
    let character = line.charAt(at)
    if (character === "\"") return { text, end: at + 1 }
    const escape = character === "\\" ? ESCAPES[line.charAt(at + 1)] : undefined
    if (escape !== undefined) {
      character = escape
      at++
    }
    text += hasMeaning(character) ? hide(character) : character
  }
  return { text, end: -1 }
}

/** Without comment, with blanks as spaces, with what was quoted hidden. */
const unquote = (line: string): Result.Result<string, DhcpHostError> => {
  let text = ""
  let afterBlank = true
  for (let at = 0; at < line.length; at++) {
    if (line.charAt(at) === "\"") {
      const quoted = readQuoted(line, at + 1)
      if (quoted.end === -1) return Result.fail(problem("line", "a closing quote", line))
      text += quoted.text
      at = quoted.end
      if (at >= line.length) break
    }
    const character = line.charAt(at)
    if (isBlank(character)) {
      text += " "
      afterBlank = true
    } else if (afterBlank && character === "#") break
    else {
      text += character
      afterBlank = false
    }
  }
  return Result.succeed(text.replace(/^ +/, "").replace(/ +$/, ""))
}

/** The line as dnsmasq sees it: up to a NUL, empty for a comment. */
export const clean = (line: string): Result.Result<string, DhcpHostError> => {
  const whole = line.split("\0", 1)[0] ?? ""
  const bytes = new TextEncoder().encode(whole).length
  if (RESERVED.test(whole)) return Result.fail(problem("line", "no private-use characters", whole))
  return bytes > LONGEST_LINE
    ? Result.fail(problem("line", `at most ${LONGEST_LINE} bytes`, `${bytes} bytes`))
    : unquote(whole)
}

/** The fields of an entry, without the blanks around them. */
export const fields = (entry: string): ReadonlyArray<string> =>
  entry.split(",").map((field) => field.replace(/^ +/, "").replace(/ +$/, ""))
