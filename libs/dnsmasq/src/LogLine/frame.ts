/**
 * Where a log line's message begins, and who wrote it. The syslog tag decides, at its own place behind time and host;
 * a tag anywhere else is text. One reading from left to right, no regular expression.
 */
import {
  CLOSE_BRACKET,
  COLON,
  DASH,
  digitsEnd,
  isDigit,
  isLower,
  number,
  OPEN_BRACKET,
  skipSpaces,
  SPACE
} from "../tokens.ts"
import { readStamp, type Stamp } from "./stampShapes.ts"

const LESS = 0x3c
const MORE = 0x3e
const BACKSLASH = 0x5c
const QUOTE = 0x22
const BYTE_ORDER_MARK = 0xfeff

const HOST_LIMIT = 255

/** The programs whose lines mean something here. */
export type Writer = "none" | "dhcp" | "dns" | "rsyslogd" | "journald"

/** What is known of a line before its message is read. Reused from line to line: nothing may keep it. */
export interface Frame {
  writer: Writer
  /** Where the tag begins. */
  tag: number
  /** Where the message begins. */
  message: number
  /** -1 when the tag has none. */
  pid: number
  /** The sender counted the line's bytes, */
  counted: boolean
  /** and counted more than it has. */
  cut: boolean
  readonly stamp: Stamp
}

export const makeFrame = (): Frame => ({
  writer: "none",
  tag: 0,
  message: 0,
  pid: -1,
  counted: false,
  cut: false,
  stamp: { shape: "none", from: 0, to: 0, next: 0 }
})

const skipMark = (line: string, at: number) => (line.charCodeAt(at) === BYTE_ORDER_MARK ? at + 1 : at)

/** `dnsmasq`, `dnsmasq-dhcp`, `rsyslogd`, `rsyslogd-2177`, `systemd-journald`: the end of the name, or -1. */
const nameEnd = (line: string, at: number, frame: Frame): number => {
  switch (line.charCodeAt(at)) {
    case 0x64: {
      if (!line.startsWith("dnsmasq", at)) return -1
      const dhcp = line.startsWith("-dhcp", at + 7)
      frame.writer = dhcp ? "dhcp" : "dns"
      return dhcp ? at + 12 : at + 7
    }
    case 0x72: {
      if (!line.startsWith("rsyslogd", at)) return -1
      frame.writer = "rsyslogd"
      return line.charCodeAt(at + 8) === DASH ? digitsEnd(line, at + 9, 6) : at + 8
    }
    case 0x73:
      if (!line.startsWith("systemd-journald", at)) return -1
      frame.writer = "journald"
      return at + 16
    default:
      return -1
  }
}

/** `name[pid]: ` or `name: ` */
const readTag = (line: string, at: number, frame: Frame): boolean => {
  let end = nameEnd(line, at, frame)
  if (end === -1) return false
  let pid = -1
  if (line.charCodeAt(end) === OPEN_BRACKET) {
    const close = digitsEnd(line, end + 1, 10)
    if (close === -1 || line.charCodeAt(close) !== CLOSE_BRACKET) return false
    pid = number(line, end + 1, close)
    end = close + 1
  }
  if (line.charCodeAt(end) !== COLON) return false
  if (end + 1 < line.length && line.charCodeAt(end + 1) !== SPACE) return false
  frame.tag = at
  frame.pid = pid
  frame.message = skipSpaces(line, end + 1)
  return true
}

/** A word that can be a host: one that ends in a colon is another program's tag, one with a bracket its pid. */
const hostEnd = (line: string, at: number): number => {
  let end = at
  while (end - at <= HOST_LIMIT) {
    const code = line.charCodeAt(end)
    if (code === SPACE) return end > at && line.charCodeAt(end - 1) !== COLON ? end : -1
    if (Number.isNaN(code) || code === OPEN_BRACKET || code === QUOTE) return -1
    end++
  }
  return -1
}

const FACILITIES = new Set(
  ("kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp security audit alert clock " +
    "local0 local1 local2 local3 local4 local5 local6 local7").split(" ")
)
const SEVERITIES = new Set("emerg panic alert crit err error warning warn notice info debug".split(" "))

/** `daemon.info ` of logread and of BusyBox's syslogd: where it ends, or `at`. */
const skipPriorityName = (line: string, at: number): number => {
  if (!isLower(line.charCodeAt(at))) return at
  const end = hostEnd(line, at)
  const dot = line.indexOf(".", at)
  if (end === -1 || dot === -1 || dot >= end) return at
  return FACILITIES.has(line.slice(at, dot)) && SEVERITIES.has(line.slice(dot + 1, end)) ? end + 1 : at
}

/** `[1795320252.846] ` that `logread -t` adds. */
const skipLogreadStamp = (line: string, at: number): number => {
  if (line.charCodeAt(at) !== OPEN_BRACKET) return at
  const dot = digitsEnd(line, at + 1, 12)
  const end = dot === -1 ? -1 : digitsEnd(line, dot + 1, 9)
  return end !== -1 && line.startsWith("] ", end) ? end + 2 : at
}

const afterStamp = (line: string, at: number, frame: Frame): boolean => {
  if (readTag(line, at, frame)) return true
  if (frame.stamp.shape === "ctime") {
    const bare = skipLogreadStamp(line, at)
    const tag = skipPriorityName(line, bare)
    return tag !== bare && readTag(line, tag, frame)
  }
  const host = hostEnd(line, at)
  if (host === -1) return false
  return readTag(line, host + 1, frame) || readTag(line, skipPriorityName(line, host + 1), frame)
}

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

/** `1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG` */
const read5424 = (line: string, at: number, frame: Frame): boolean => {
  const unstamped = line.startsWith("- ", at)
  if (!unstamped && !(readStamp(line, at, frame.stamp) && frame.stamp.shape === "iso")) return false
  const host = unstamped ? at + 2 : frame.stamp.next
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

const utf8Length = (line: string, from: number): number => {
  let bytes = 0
  for (let at = from; at < line.length; at++) {
    const code = line.charCodeAt(at)
    bytes += code < 0x80 ? 1 : code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 2 : 3
  }
  return bytes
}

/** `111 <`: the octet count of RFC 6587, which counts the line's end too. */
const skipOctetCount = (line: string, at: number, frame: Frame): number => {
  const end = digitsEnd(line, at, 6)
  if (end === -1 || line.charCodeAt(end) !== SPACE || line.charCodeAt(end + 1) !== LESS) return at
  const counted = number(line, at, end)
  frame.counted = true
  // A carriage return may have been taken off, so one byte short is still whole.
  frame.cut = counted > line.length - end + 1 && counted > utf8Length(line, end + 1) + 2
  return end + 1
}

const skipPriority = (line: string, at: number): number => {
  if (line.charCodeAt(at) !== LESS) return at
  const end = digitsEnd(line, at + 1, 3)
  return end !== -1 && line.charCodeAt(end) === MORE ? end + 1 : -1
}

const findMessage = (line: string, frame: Frame): boolean => {
  const first = skipMark(line, 0)
  const counted = isDigit(line.charCodeAt(first)) ? skipOctetCount(line, first, frame) : first
  const at = skipPriority(line, counted)
  if (at === -1) return false
  if (at > counted && line.startsWith("1 ", at)) return read5424(line, at + 2, frame)
  if (readStamp(line, at, frame.stamp)) return afterStamp(line, frame.stamp.next, frame)
  return readTag(line, at, frame)
}

/** Says that nothing is known of a line. */
export const clearFrame = (frame: Frame): void => {
  frame.writer = "none"
  frame.counted = false
  frame.cut = false
  frame.stamp.shape = "none"
}

/** Finds the message of a line that has no line end; false, and nothing known, when the line is none of ours. */
export const readFrame = (line: string, frame: Frame): boolean => {
  clearFrame(frame)
  const found = findMessage(line, frame)
  if (!found) clearFrame(frame)
  return found
}
