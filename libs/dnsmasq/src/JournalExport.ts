/**
 * `journalctl -o export`, which comes in pieces cut anywhere: records of fields, ended by an empty line. A value with
 * line ends or control characters is preceded by its length, which is honoured, so that no value can pass for a field.
 *
 * Memory is bounded: of a value too long to be a line of dnsmasq nothing is kept, nor of a field that says nothing here.
 */
import { concat, LONGEST_LINE } from "./LogScanner.ts"

const NEWLINE = 0x0a
const EQUALS = 0x3d
/** Of the length before a value: 64 bits, little end first. */
const LENGTH = 8

/** What `journalctl` writes first. */
const FIRST_FIELD = new TextEncoder().encode("__CURSOR=")

const WANTED = new Set([
  "MESSAGE",
  "SYSLOG_IDENTIFIER",
  "SYSLOG_PID",
  "_PID",
  "_COMM",
  "_TRANSPORT",
  "_SOURCE_REALTIME_TIMESTAMP",
  "__REALTIME_TIMESTAMP"
])

export type ExportRecord = Readonly<Record<string, string>>

export interface ExportReader {
  /** The records that end in the piece. */
  read(chunk: Uint8Array): ReadonlyArray<ExportRecord>
  /** The last record, when it is whole but for the empty line. */
  end(): ReadonlyArray<ExportRecord>
}

/** Whether a log that begins with these bytes is an export; undefined while there are too few of them. */
export const isExport = (bytes: Uint8Array): boolean | undefined => {
  if (FIRST_FIELD.some((byte, at) => at < bytes.length && bytes[at] !== byte)) return false
  return bytes.length >= FIRST_FIELD.length ? true : undefined
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })

const lengthAt = (bytes: Uint8Array, at: number): number =>
  Number(new DataView(bytes.buffer, bytes.byteOffset + at, LENGTH).getBigUint64(0, true))

export const makeExportReader = (): ExportReader => {
  let open: Uint8Array = new Uint8Array()
  /** Bytes of a value that is passed over; Infinity: those up to the end of the line. */
  let passing = 0
  let fields: Record<string, string> = {}

  /** Where the reading goes on behind the value that is passed over; -1 when that is not in these bytes. */
  const pass = (bytes: Uint8Array): number => {
    if (passing === Infinity) {
      const newline = bytes.indexOf(NEWLINE)
      if (newline !== -1) passing = 0
      return newline === -1 ? -1 : newline + 1
    }
    const passed = Math.min(passing, bytes.length)
    passing -= passed
    return passing > 0 ? -1 : passed
  }

  const keep = (name: string, value: Uint8Array) => {
    if (WANTED.has(name) && !Object.hasOwn(fields, name)) fields[name] = utf8.decode(value)
  }

  /** Reads the field that begins at `at`, in a line that ends at `newline`; -1 when there is more of it to come. */
  const readField = (bytes: Uint8Array, at: number, newline: number): number => {
    const line = bytes.subarray(at, newline)
    const equals = line.indexOf(EQUALS)
    if (equals !== -1) {
      if (line.length <= LONGEST_LINE) keep(utf8.decode(line.subarray(0, equals)), line.subarray(equals + 1))
      return newline + 1
    }
    const from = newline + 1 + LENGTH
    if (bytes.length < from) return -1
    const to = from + lengthAt(bytes, newline + 1)
    if (to - from > LONGEST_LINE) {
      passing = to + 1 - from
      return from
    }
    if (bytes.length <= to) return -1
    keep(utf8.decode(line), bytes.subarray(from, to))
    return to + 1
  }

  const read = (chunk: Uint8Array): ReadonlyArray<ExportRecord> => {
    const bytes = concat(open, chunk)
    const found: Array<ExportRecord> = []
    let at = 0
    for (;;) {
      if (passing > 0) {
        const passed = pass(bytes.subarray(at))
        at = passed === -1 ? bytes.length : at + passed
        if (passed === -1) break
      }
      const newline = bytes.indexOf(NEWLINE, at)
      if (newline === -1) break
      if (newline === at) {
        if (Object.keys(fields).length > 0) found.push(fields)
        fields = {}
        at++
        continue
      }
      const next = readField(bytes, at, newline)
      if (next === -1) break
      at = next
    }
    open = new Uint8Array(bytes.subarray(at))
    if (open.length > LONGEST_LINE && !open.includes(NEWLINE)) {
      passing = Infinity
      open = new Uint8Array()
    }
    return found
  }

  const end = (): ReadonlyArray<ExportRecord> =>
    open.length > 0 || passing > 0 || Object.keys(fields).length === 0 ? [] : [fields]

  return { read, end }
}
