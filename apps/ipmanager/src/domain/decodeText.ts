/**
 * Bytes of a file as text, which is UTF-8. What is none is told by line and byte, never replaced in silence.
 */
import { isUtf8 } from "node:buffer"

/** A line that is no UTF-8. */
export interface BrokenLine {
  /** From 1. */
  readonly line: number
  /** Place in the line of the first byte that is wrong, from 1. */
  readonly byte: number
  readonly value: number
}

export interface DecodedText {
  /** Without a byte order mark; with U+FFFD where it is broken. */
  readonly text: string
  readonly broken: ReadonlyArray<BrokenLine>
}

/** By its byte order mark, or the NUL beside its first character. */
export const isUtf16 = (bytes: Uint8Array): boolean => {
  const [first, second] = bytes
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
    || (bytes.length > 1 && (first === 0) !== (second === 0))
}

/** Where the first character that is none begins; bytes of one that is begun wait for the rest. */
const brokenAt = (bytes: Uint8Array): number => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  let begin = 0
  for (let at = 0; at < bytes.length; at++) {
    try {
      if (decoder.decode(bytes.subarray(at, at + 1), { stream: true }) !== "") begin = at + 1
    } catch {
      return begin
    }
  }
  return begin
}

export const decodeText = (bytes: Uint8Array): DecodedText => {
  const text = new TextDecoder().decode(bytes)
  if (isUtf8(bytes)) return { text, broken: [] }
  const broken: Array<BrokenLine> = []
  for (let line = 1, begin = 0; begin < bytes.length; line++) {
    const newline = bytes.indexOf(0x0a, begin)
    const end = newline < 0 ? bytes.length : newline
    const content = bytes.subarray(begin, end)
    if (!isUtf8(content)) {
      const at = brokenAt(content)
      broken.push({ line, byte: at + 1, value: content[at] ?? 0 })
    }
    begin = end + 1
  }
  return { text, broken }
}

export const brokenMessage = ({ byte, value }: BrokenLine): string =>
  `byte ${byte} of the line (0x${value.toString(16).padStart(2, "0")}) is no UTF-8: save the file as UTF-8`
