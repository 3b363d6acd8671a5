/**
 * Notices that messages were lost on their way, from whoever lost them: dnsmasq itself, rsyslog, or the journal. A
 * notice about another program is none of ours; one that names no program may be, and counts.
 */
import { digitsEnd, isDigit, number } from "../tokens.ts"
import type { Frame } from "./Frame.ts"
import type { Draft } from "./packets.ts"

/** `overflow: 789 log entries lost` */
const ofDnsmasq = (line: string, at: number, end: number, draft: Draft): boolean => {
  const start = at + "overflow: ".length
  const digits = line.startsWith("overflow: ", at) ? digitsEnd(line, start, 10) : -1
  if (digits === -1 || line.slice(digits, end) !== " log entries lost") return false
  draft.subkind = "overflow"
  draft.lost = number(line, start, digits)
  return true
}

const numberBefore = (line: string, to: number): number | undefined => {
  let from = to
  while (from > 0 && to - from < 10 && isDigit(line.charCodeAt(from - 1))) from--
  return from === to ? undefined : number(line, from, to)
}

const numberAfter = (line: string, text: string, at: number): number | undefined => {
  const from = line.indexOf(text, at)
  const to = from === -1 ? -1 : digitsEnd(line, from + text.length, 10)
  return to === -1 ? undefined : number(line, from + text.length, to)
}

/**
 * `imuxsock[pid: 28395, name: /usr/sbin/dnsmasq]: 30 messages lost due to rate-limiting (200 allowed within 5 seconds)`,
 * `… begin to drop messages due to rate-limiting`, `imuxsock lost 30 messages from pid 28395 due to rate-limiting`,
 * `imjournal: 30 messages lost due to rate-limiting …`
 */
const ofRsyslog = (line: string, at: number, draft: Draft): boolean => {
  const cause = line.indexOf("due to rate-limiting", at)
  if (cause === -1 || !(line.startsWith("imuxsock", at) || line.startsWith("imjournal", at))) return false
  const name = line.indexOf("name: ", at)
  if (name !== -1 && name < cause) {
    const close = line.indexOf("]", name)
    if (close === -1 || !line.slice(name, close).endsWith("dnsmasq")) return false
  }
  draft.subkind = "rate-limited"
  const lost = numberBefore(line, line.indexOf(" messages lost", at)) ?? numberAfter(line, "imuxsock lost ", at)
  const pid = numberAfter(line, "pid: ", at) ?? numberAfter(line, "from pid ", at)
  if (lost !== undefined) draft.lost = lost
  if (pid === undefined) delete draft.pid
  else draft.pid = pid
  return true
}

/** `Suppressed 5730 messages from dnsmasq.service` */
const ofJournal = (line: string, at: number, end: number, draft: Draft): boolean => {
  const lost = line.startsWith("Suppressed ", at) ? numberAfter(line, "Suppressed ", at) : undefined
  const from = line.indexOf(" messages from ", at)
  if (lost === undefined || from === -1 || !line.slice(from, end).includes("dnsmasq")) return false
  draft.subkind = "rate-limited"
  draft.lost = lost
  delete draft.pid
  return true
}

/** Reads a notice of loss into the draft; false for every other line. */
export const readLoss = (writer: Frame["writer"], line: string, at: number, end: number, draft: Draft): boolean => {
  switch (writer) {
    case "dns":
      return ofDnsmasq(line, at, end, draft)
    case "rsyslogd":
      return ofRsyslog(line, at, draft)
    case "journald":
      return ofJournal(line, at, end, draft)
    default:
      return false
  }
}
