/** The tag that names who wrote a line. */
import { CLOSE_BRACKET, COLON, DASH, digitsEnd, number, OPEN_BRACKET, skipSpaces, SPACE } from "../tokens.ts"
import type { Frame } from "./Frame.ts"

/** `dnsmasq`, `dnsmasq-dhcp`, `rsyslogd`, `rsyslogd-2177`, `systemd-journald`: the end of the name, or -1. */
export const nameEnd = (line: string, at: number, frame: Frame): number => {
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
export const readTag = (line: string, at: number, frame: Frame): boolean => {
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
