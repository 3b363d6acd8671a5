/**
 * A chunk of a log to its entries: the lines of dnsmasq-dhcp, and the notices of loss. DNS lines and other programs'
 * lines are dropped as early as it is safe. The hot path of an ingest: plain functions over buffers, no Effect.
 *
 * How a log is cut into chunks makes no difference, as long as each begins where the last one's `consumed` ended.
 */
import { makeCleanLogParser } from "./LogLine.ts"
import type { LogOptions, LogRecord } from "./LogRecord.ts"
import { ForeignLines } from "./LogScanner/foreign.ts"
import { NoiseFilters } from "./LogScanner/noise.ts"
import { withoutControls } from "./tokens.ts"

const NEWLINE = 0x0a
const RETURN = 0x0d
const NUL = 0

/** Longer lines are counted, not read: dnsmasq writes at most 1 KiB, the journal's JSON around it a few more. */
export const LONGEST_LINE = 8192

/** Bytes turned into a string at once: small enough for V8's young generation, large enough to be worth a call. */
const PIECE = 32_768

export interface LogEntry {
  /** Of the line's first byte in the chunk. */
  readonly offset: number
  /** In bytes, with the newline. */
  readonly length: number
  /** Lines of the chunk before it. */
  readonly index: number
  /** Decoded, without its end, without control characters. */
  readonly line: string
  readonly record: LogRecord
}

export interface ScanResult {
  readonly entries: ReadonlyArray<LogEntry>
  /** Bytes up to and with the last newline. */
  readonly consumed: number
  readonly lines: number
  /** Lines that are no entry. */
  readonly skipped: number
  /** Those of them that were too long to be read. */
  readonly overlong: number
}

export interface LogScanner {
  /** `reference` moves the "now" against which times without a year are read. */
  scan(chunk: Uint8Array, reference?: number): ScanResult
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })

/** Two pieces of a log in one. */
export const concat = (head: Uint8Array, tail: Uint8Array): Uint8Array => {
  if (head.length === 0) return tail
  const whole = new Uint8Array(head.length + tail.length)
  whole.set(head)
  whole.set(tail, head.length)
  return whole
}

/** Buffer finds and copies bytes at memory speed, where Uint8Array has no search for them at all. */
const view = (chunk: Uint8Array): Buffer => Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)

/** Whether all bytes are printable ASCII; without a branch per byte, for it is asked of every byte that is read. */
const isPlain = (bytes: Buffer, from: number, to: number): boolean => {
  let sign = 0
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0
    sign |= (byte - 0x20) | (0x7e - byte)
  }
  return sign >= 0
}

export const makeLogScanner = (options: LogOptions): LogScanner => {
  const parser = makeCleanLogParser(options)
  const noise = new NoiseFilters()
  const foreign = new ForeignLines()
  /** Other programs write to this log. */
  let shared = false

  const scan = (chunk: Uint8Array, reference?: number): ScanResult => {
    if (reference !== undefined) parser.refer(reference)
    const bytes = view(chunk)
    const consumed = bytes.lastIndexOf(NEWLINE) + 1
    const entries: Array<LogEntry> = []
    let lines = 0
    let overlong = 0

    const readLine = (start: number, newline: number) => {
      let from = start
      while (from < newline && bytes[from] === NUL) from++
      const to = newline > from && bytes[newline - 1] === RETURN ? newline - 1 : newline
      if (to - from > LONGEST_LINE) {
        overlong++
        return
      }
      const line = isPlain(bytes, from, to)
        ? bytes.toString("latin1", from, to)
        : withoutControls(utf8.decode(bytes.subarray(from, to)))
      const record = parser.parse(line)
      if (record.kind !== null) {
        entries.push({ offset: start, length: newline + 1 - start, index: lines - 1, line, record })
        return
      }
      noise.learn(line, parser.frame)
      shared ||= !line.includes("dnsmasq")
    }

    const readPiece = (start: number, end: number) => {
      const text = bytes.toString("latin1", start, end)
      foreign.begin()
      let at = 0
      while (at < text.length) {
        at = noise.pass(text, bytes, start, at)
        lines += noise.passed
        if (shared) {
          at = foreign.pass(text, at)
          lines += foreign.passed
          if (foreign.passed > 0) continue
        }
        if (at >= text.length) break
        const newline = text.indexOf("\n", at)
        lines++
        readLine(start + at, start + newline)
        at = newline + 1
      }
    }

    let at = 0
    while (at < consumed) {
      const limit = Math.min(at + PIECE, consumed)
      const end = bytes.lastIndexOf(NEWLINE, limit - 1) + 1
      if (end > at) {
        readPiece(at, end)
        at = end
      } else {
        const newline = bytes.indexOf(NEWLINE, limit)
        lines++
        readLine(at, newline)
        at = newline + 1
      }
    }
    return { entries, consumed, lines, skipped: lines - entries.length, overlong }
  }

  return { scan }
}
