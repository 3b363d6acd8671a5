/**
 * Where a log line's message begins, and who wrote it. The syslog tag decides, at its own place behind time and host;
 * a tag anywhere else is text. One reading from left to right, no regular expression.
 */
import { COLON, digitsEnd, isDigit, isLower, OPEN_BRACKET, SPACE } from "../tokens.ts"
import { clearFrame, type Frame } from "./Frame.ts"
import { after5424Stamp } from "./rfc5424.ts"
import { readStamp } from "./stampShapes.ts"
import { readTag } from "./tags.ts"
import { skipMark, skipOctetCount, skipPriority } from "./transport.ts"

const QUOTE = 0x22

const HOST_LIMIT = 255

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

const findMessage = (line: string, frame: Frame): boolean => {
  const first = skipMark(line, 0)
  const counted = isDigit(line.charCodeAt(first)) ? skipOctetCount(line, first, frame) : first
  const at = skipPriority(line, counted)
  if (at === -1) return false
  const numbered = at > counted && line.startsWith("1 ", at)
  const start = numbered ? at + 2 : at
  const stamped = readStamp(line, start, frame.stamp)
  if (!numbered) return stamped ? afterStamp(line, frame.stamp.next, frame) : readTag(line, at, frame)
  if (!stamped) return line.startsWith("- ", start) && after5424Stamp(line, start + 2, frame)
  return frame.stamp.shape === "iso" && after5424Stamp(line, frame.stamp.next, frame)
}

/** Finds the message of a line that has no line end; false, and nothing known, when the line is none of ours. */
export const readFrame = (line: string, frame: Frame): boolean => {
  clearFrame(frame)
  const found = findMessage(line, frame)
  if (!found) clearFrame(frame)
  return found
}
