/** The header of RFC 5424. */
import { CLOSE_BRACKET, DASH, digitsEnd, number, OPEN_BRACKET, skipSpaces, SPACE } from "../tokens.ts"
import type { Frame } from "./Frame.ts"
import { nameEnd } from "./tags.ts"
import { skipMark } from "./transport.ts"

const BACKSLASH = 0x5c
const QUOTE = 0x22

const wordEnd = (line: string, at: number): number => {
  const end = line.indexOf(" ", at)
  return end === at ? -1 : end
}

/** Structured data: `-`, or elements whose quoted values may hold anything. */
const structuredDataEnd = (line: string, at: number): number => {
  if (line.charCodeAt(at) === DASH) return at + 1
  let next = at
  let quoted = false
  let open = false
  for (; next < line.length; next++) {
    const code = line.charCodeAt(next)
    if (quoted) {
      if (code === BACKSLASH) next++
      else if (code === QUOTE) quoted = false
    } else if (code === QUOTE) quoted = open
    else if (code === OPEN_BRACKET) open = true
    else if (code === CLOSE_BRACKET) open = false
    else if (!open) break
  }
  return next === at || open || quoted ? -1 : next
}

const isApp = (line: string, at: number, end: number, frame: Frame) => nameEnd(line, at, frame) === end

/** `HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG` of RFC 5424. */
export const after5424Stamp = (line: string, host: number, frame: Frame): boolean => {
  const app = wordEnd(line, host) + 1
  const process = wordEnd(line, app) + 1
  if (app === 0 || process === 0 || !isApp(line, app, process - 1, frame)) return false
  const message = wordEnd(line, process) + 1
  const data = message === 0 ? 0 : wordEnd(line, message) + 1
  const end = data === 0 ? -1 : structuredDataEnd(line, data)
  if (end === -1 || (end < line.length && line.charCodeAt(end) !== SPACE)) return false
  const digits = digitsEnd(line, process, 10)
  frame.pid = digits === message - 1 ? number(line, process, digits) : -1
  frame.tag = app
  frame.message = skipSpaces(line, skipMark(line, skipSpaces(line, end)))
  return true
}
