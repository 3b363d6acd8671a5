/**
 * A log that comes in pieces cut anywhere, to its entries with their line numbers. Holds back the last line until it is
 * whole, in bounded memory: of a line too long to be read nothing is kept. Of a journal's export, which has its fields in
 * lines of their own, the records count as the lines.
 */
import { isExport, makeExportReader } from "./JournalExport.ts"
import { makeCleanLogParser } from "./LogLine.ts"
import type { LogOptions } from "./LogRecord.ts"
import { concat, type LogEntry, LONGEST_LINE, makeLogScanner } from "./LogScanner.ts"
import { withoutControls } from "./tokens.ts"

const NEWLINE = 0x0a
const NUL = 0

export interface NumberedEntry {
  /** From 1. */
  readonly line: number
  readonly entry: Pick<LogEntry, "line" | "record">
}

export interface LogReader {
  read(chunk: Uint8Array): ReadonlyArray<NumberedEntry>
  /** What is left when no more comes: a last line without its newline. */
  end(): ReadonlyArray<NumberedEntry>
  /** So far; `overlong` of them were too long to be read. */
  counts(): { readonly lines: number; readonly overlong: number }
}

/** Line by line. */
const makeLineReader = (options: LogOptions): LogReader => {
  const scanner = makeLogScanner(options)
  let lines = 0
  let overlong = 0
  /** The line that has begun. */
  let open: Uint8Array = new Uint8Array()
  /** It is too long already. */
  let dropping = false

  const scan = (bytes: Uint8Array): ReadonlyArray<NumberedEntry> => {
    const { consumed, entries, ...counts } = scanner.scan(bytes)
    const before = lines
    lines += counts.lines
    overlong += counts.overlong
    let from = consumed
    while (bytes[from] === NUL) from++
    dropping = bytes.length - from > LONGEST_LINE + 1
    open = dropping ? new Uint8Array() : new Uint8Array(bytes.subarray(from))
    return entries.map((entry) => ({ line: before + entry.index + 1, entry }))
  }

  const skip = (chunk: Uint8Array): Uint8Array | undefined => {
    const newline = chunk.indexOf(NEWLINE)
    if (newline === -1) return undefined
    dropping = false
    lines++
    overlong++
    return chunk.subarray(newline + 1)
  }

  return {
    read: (chunk) => {
      const rest = dropping ? skip(chunk) : chunk
      return rest === undefined ? [] : scan(concat(open, rest))
    },
    end: () => {
      if (dropping) skip(Uint8Array.of(NEWLINE))
      return open.length === 0 ? [] : scan(concat(open, Uint8Array.of(NEWLINE)))
    },
    counts: () => ({ lines, overlong })
  }
}

const makeJournalReader = (options: LogOptions): LogReader => {
  const parser = makeCleanLogParser(options)
  const records = makeExportReader()
  let lines = 0

  const entries = (found: ReturnType<typeof records.read>): ReadonlyArray<NumberedEntry> =>
    found.flatMap((fields) => {
      lines++
      const record = parser.parseFields(fields)
      return record.kind === null
        ? []
        : [{ line: lines, entry: { line: withoutControls(fields["MESSAGE"] ?? ""), record } }]
    })

  return {
    read: (chunk) => entries(records.read(chunk)),
    end: () => entries(records.end()),
    counts: () => ({ lines, overlong: 0 })
  }
}

export const makeLogReader = (options: LogOptions): LogReader => {
  let first: Uint8Array = new Uint8Array()
  let reader: LogReader | undefined
  const begin = (exported: boolean) => (reader = exported ? makeJournalReader(options) : makeLineReader(options))

  return {
    read: (chunk) => {
      if (reader !== undefined) return reader.read(chunk)
      first = concat(first, chunk)
      const exported = isExport(first)
      return exported === undefined ? [] : begin(exported).read(first)
    },
    end: () => {
      if (reader !== undefined) return reader.end()
      const lines = begin(false)
      return [...lines.read(first), ...lines.end()]
    },
    counts: () => reader?.counts() ?? { lines: 0, overlong: 0 }
  }
}
