/** What a transport puts before a line: a byte order mark, an octet count, a priority. */
import { digitsEnd, number, SPACE } from "../tokens.ts"
import type { Frame } from "./Frame.ts"

const LESS = 0x3c
const MORE = 0x3e
const BYTE_ORDER_MARK = 0xfeff

export const skipMark = (line: string, at: number): number => (line.charCodeAt(at) === BYTE_ORDER_MARK ? at + 1 : at)

const utf8Length = (line: string, from: number): number => {
  let bytes = 0
  for (let at = from; at < line.length; at++) {
    const code = line.charCodeAt(at)
    bytes += code < 0x80 ? 1 : code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 2 : 3
  }
  return bytes
}

/** `111 <`: the octet count of RFC 6587, which counts the line's end too. */
export const skipOctetCount = (line: string, at: number, frame: Frame): number => {
  const end = digitsEnd(line, at, 6)
  if (end === -1 || line.charCodeAt(end) !== SPACE || line.charCodeAt(end + 1) !== LESS) return at
  const counted = number(line, at, end)
  frame.counted = true
  // A carriage return may have been taken off, so one byte short is still whole.
  frame.cut = counted > line.length - end + 1 && counted > utf8Length(line, end + 1) + 2
  return end + 1
}

/** `<30>`: where it ends; `at` when there is none, -1 when it is broken. */
export const skipPriority = (line: string, at: number): number => {
  if (line.charCodeAt(at) !== LESS) return at
  const end = digitsEnd(line, at + 1, 3)
  return end !== -1 && line.charCodeAt(end) === MORE ? end + 1 : -1
}
