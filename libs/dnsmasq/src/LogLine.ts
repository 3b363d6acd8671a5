/**
 * One line of a log, in any framing that dnsmasq's messages come in, to what it says.
 *
 * Anchored at both ends, tag and keyword first: no text inside a message can make an event, and a line that is not
 * wholly understood is `other`. Plain code, linear in the line's length, never throws, whatever the line holds.
 */
import { Option } from "effect"
import type { LogOptions, LogRecord } from "./LogRecord.ts"
import { clearFrame, type Frame, makeFrame, type Writer } from "./LogLine/Frame.ts"
import { readFrame } from "./LogLine/readFrame.ts"
import { type JsonLine, objectStart, ofJournal, readJson } from "./LogLine/json.ts"
import { readLoss } from "./LogLine/losses.ts"
import { makeRepetition } from "./LogLine/repetition.ts"
import { type Draft, readPacket } from "./LogLine/packets.ts"
import { readRemark } from "./LogLine/remarks.ts"
import { makeStamps } from "./LogLine/stamps.ts"
import { readStamp } from "./LogLine/stampShapes.ts"
import { digitsEnd, number, SPACE, withoutControls } from "./tokens.ts"

const LOWER_M = 0x6d

const MAX_XID = 0xffff_ffff

const NOT_DHCP: LogRecord = Object.freeze({ kind: null })

export interface LogParser {
  /** The line comes without its line end. */
  parse(line: string): LogRecord
  /** Moves the "now" against which a time without a year is read. */
  refer(now: number): void
}

const draft = (at: string | undefined, pid: number): Draft => {
  const record: Draft = { kind: "other" }
  if (at !== undefined) record.at = at
  if (pid !== -1) record.pid = pid
  return record
}

/** `message repeated 5 times: [ DHCPDISCOVER(…) …]`, by which rsyslog folds repetitions. */
const REPEATED = /^message repeated (\d{1,9}) times: \[ ?(.*)\]$/

const trimmedEnd = (line: string) => {
  let end = line.length
  while (end > 0 && line.charCodeAt(end - 1) === SPACE) end--
  return end
}

/** Reads the transaction id that `log-dhcp` puts first. The id 0 is what a client sends that has none. */
const readXid = (line: string, from: number, record: Draft): number => {
  const digits = digitsEnd(line, from, 10)
  if (digits === -1 || line.charCodeAt(digits) !== SPACE) return from
  const xid = number(line, from, digits)
  if (xid > MAX_XID) return from
  if (xid !== 0) record.xid = xid
  return digits + 1
}

const single = (line: string, from: number, end: number, at: string | undefined, pid: number): Draft => {
  const record = draft(at, pid)
  const start = readXid(line, from, record)
  if (readPacket(line, start, end, record)) return record
  if (record.interface === undefined) {
    readRemark(line, start, end, start > from, record)
    return record
  }
  // A packet line in part: nothing of it can be relied on but its transaction.
  const unknown = draft(at, pid)
  if (record.xid !== undefined) unknown.xid = record.xid
  unknown.subkind = "unknown"
  return unknown
}

const ofDhcp = (line: string, from: number, at: string | undefined, pid: number): LogRecord => {
  const end = trimmedEnd(line)
  if (line.charCodeAt(from) !== LOWER_M || !line.startsWith("message repeated ", from))
    return single(line, from, end, at, pid)
  const repeated = REPEATED.exec(line.slice(from, end))
  const [, count, message] = repeated ?? []
  if (count === undefined || message === undefined) return { ...draft(at, pid), subkind: "repeated" }
  return { ...single(message, 0, trimmedEnd(message), at, pid), count: Number(count) }
}

const ofWriter = (
  writer: Writer,
  line: string,
  from: number,
  at: string | undefined,
  pid: number
): LogRecord => {
  if (writer === "dhcp") return ofDhcp(line, from, at, pid)
  const record = draft(at, pid)
  return readLoss(writer, line, from, trimmedEnd(line), record) ? record : NOT_DHCP
}

/** A parser that shows where it found the message of its last line, if that was in no JSON object. */
export interface CleanLogParser extends LogParser {
  /** An entry of the journal, by the names and values of its fields. */
  parseFields(fields: Readonly<Record<string, string>>): LogRecord
  readonly frame: Frame
}

/** As `makeLogParser`, for lines that hold no control characters. */
export const makeCleanLogParser = (options: LogOptions): CleanLogParser => {
  const stamps = makeStamps(options)
  const frame = makeFrame()

  const ofFields = (fields: JsonLine): LogRecord => {
    const message = withoutControls(fields.message)
    if (fields.framed) {
      if (!readFrame(message, frame) || frame.stamp.shape !== "none") return NOT_DHCP
      return ofWriter(frame.writer, message, frame.message, fields.at, frame.pid === -1 ? fields.pid : frame.pid)
    }
    const stamped = `${fields.stamp ?? ""} `
    frame.stamp.shape = "none"
    readStamp(stamped, 0, frame.stamp)
    const at = fields.at ?? stamps.at(stamped, frame.stamp)
    const from = message.length - message.trimStart().length
    return ofWriter(fields.writer, message, from, at, fields.pid)
  }

  const last = makeRepetition()

  const parse = (line: string): LogRecord => {
    const message = last.messageOf(line)
    if (message !== -1) return ofDhcp(line, message, last.at(line), last.pid)
    const object = objectStart(line)
    if (object !== -1) {
      const fields = Option.getOrUndefined(readJson(line.slice(object)))
      const record = fields === undefined ? NOT_DHCP : ofFields(fields)
      clearFrame(frame)
      return record
    }
    if (!readFrame(line, frame)) return NOT_DHCP
    const at = stamps.at(line, frame.stamp)
    if (frame.writer !== "dhcp") return ofWriter(frame.writer, line, frame.message, at, frame.pid)
    if (frame.cut) return { ...draft(at, frame.pid), subkind: "truncated" }
    if (frame.stamp.shape !== "none") last.keep(line, frame, stamps.second(line, frame.stamp))
    return ofDhcp(line, frame.message, at, frame.pid)
  }

  const refer = (now: number) => {
    last.forget()
    stamps.refer(now)
  }

  return { parse, parseFields: (fields) => ofFields(ofJournal(fields)), refer, frame }
}

const LEADING_NULS = /^\0+/

/** A reader of log lines. Throws for a zone that does not exist. */
export const makeLogParser = (options: LogOptions): LogParser => {
  const clean = makeCleanLogParser(options)
  return {
    // A file system gives back blocks of NULs after a power cut; the line after them is whole.
    parse: (line) => clean.parse(withoutControls(line.replace(LEADING_NULS, "").replace(/\r$/, ""))),
    refer: clean.refer
  }
}
