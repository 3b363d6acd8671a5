/**
 * The lines that dnsmasq writes for a packet: `TYPE(interface) [address ]client [tail]`. TYPE, interface, address and
 * client are never translated; the tail may be, and is never used to decide anything but its own role.
 *
 * Each line is matched from its first to its last character. Plain functions over char codes.
 */
import { isIpv6 } from "../ipv6.ts"
import type { LogKind, LogRecord } from "../LogRecord.ts"
import { ipv4End, isHostname, nullEnd, octetsEnd, SPACE } from "../tokens.ts"

/** A record under construction. */
export type Draft = { -readonly [Field in keyof LogRecord]: LogRecord[Field] }

/** Gives the record its fields; false when the rest of the line is not what the type promises. */
type Body = (line: string, at: number, end: number, draft: Draft) => boolean

interface Rule {
  readonly type: string
  readonly kind: LogKind
  readonly subkind?: string
  readonly body: Body
}

const LESS = 0x3c

/** Longer than any packet line that is whole: what comes this long was cut somewhere. */
const LONGEST = 900

/** What the tail says, where there is one. */
type Tail = (tail: string, draft: Draft) => boolean

const reason: Tail = (tail, draft) => {
  draft.reason = tail
  return true
}

/** dnsmasq lets no other characters through in a name, so a line with others is not what it seems. */
const hostname: Tail = (tail, draft) => {
  if (!isHostname(tail, 0, tail.length)) return false
  draft.hostname = tail
  return true
}

/** The client's own words. */
const freeText: Tail = (tail, draft) => {
  draft.reason = tail
  draft.text = tail
  return true
}

/** One field where dnsmasq prints a name or, in its own language, why there is none. */
const hostnameOrReason = (...reasons: ReadonlyArray<string>): Tail => (tail, draft) =>
  isHostname(tail, 0, tail.length) && !reasons.includes(tail) ? hostname(tail, draft) : reason(tail, draft)

const readTail = (line: string, at: number, end: number, draft: Draft, tail: Tail): boolean => {
  if (at >= end) return true
  if (line.charCodeAt(at) !== SPACE) return false
  return at + 1 >= end || tail(line.slice(at + 1, end), draft)
}

const clientEnd = (line: string, at: number): number => {
  const octets = octetsEnd(line, at)
  return octets === -1 ? nullEnd(line, at) : octets
}

/** Whether the word that begins at `at` is a client, from its first to its last character. */
const isClient = (line: string, at: number, end: number): boolean => {
  const to = clientEnd(line, at)
  return to !== -1 && (to >= end || line.charCodeAt(to) === SPACE)
}

/** What dnsmasq prints of the client: octets, or `<null>` for none. */
const client = (line: string, from: number, to: number): string | undefined =>
  line.charCodeAt(from) === LESS ? undefined : line.slice(from, to)

/** `address client tail` of DHCPv4; the address may be missing where the client asked for none. */
const v4 = (tail: Tail, needsAddress: boolean): Body => (line, from, end, draft) => {
  let at = from
  const address = ipv4End(line, at)
  if (address !== -1) {
    if (line.charCodeAt(address) !== SPACE) return false
    draft.ip = line.slice(at, address)
    at = address + 1
  } else if (needsAddress) return false
  const to = clientEnd(line, at)
  if (to === -1) return false
  const mac = client(line, at, to)
  if (mac !== undefined) draft.mac = mac
  return readTail(line, to, end, draft, tail)
}

/** `duid tail` of DHCPv6. */
const v6 = (tail: Tail): Body => (line, at, end, draft) => {
  const to = clientEnd(line, at)
  if (to === -1) return false
  const duid = client(line, at, to)
  if (duid !== undefined) draft.duid = duid
  return readTail(line, to, end, draft, tail)
}

/**
 * `[address ]duid tail` of DHCPv6 answers. A DUID can look like an address and an address like a DUID, so the first
 * word is the address only where another client follows it.
 */
const v6Answer = (tail: Tail): Body => {
  const withAddress = v6(tail)
  const without = v6(reason)
  return (line, at, end, draft) => {
    const blank = line.indexOf(" ", at)
    const hasAddress = blank !== -1 && isClient(line, blank + 1, end) && isIpv6(line.slice(at, blank))
    if (!hasAddress) return without(line, at, end, draft)
    draft.ip = line.slice(at, blank)
    return withAddress(line, blank + 1, end, draft)
  }
}

/** Types that both families have: DHCPv4 always prints an address, DHCPv6 never does. */
const either = (kind: LogKind, four: Tail): Body => {
  const withAddress = v4(four, true)
  const without = v6(reason)
  return (line, at, end, draft) => {
    if (ipv4End(line, at) !== -1) return withAddress(line, at, end, draft)
    draft.kind = kind
    return without(line, at, end, draft)
  }
}

/** `[address] [client] tail`: lines that are no message of a client's own exchange. */
const loose: Body = (line, from, end, draft) => {
  let at = from
  const address = ipv4End(line, at)
  if (address !== -1) {
    draft.ip = line.slice(at, address)
    at = line.charCodeAt(address) === SPACE ? address + 1 : address
  }
  const to = clientEnd(line, at)
  const mac = to === -1 ? undefined : client(line, at, to)
  if (mac !== undefined) draft.mac = mac
  const tail = line.slice(to === -1 ? at : to, end).trim()
  if (tail !== "") draft.reason = tail
  return true
}

/** `prefix [what became of it]` and `address name` of router advertisements. */
const routed = (rest: Tail): Body => (line, at, end, draft) => {
  const blank = line.indexOf(" ", at)
  const wordEnd = blank === -1 || blank > end ? end : blank
  const word = line.slice(at, wordEnd)
  if (isIpv6(word)) {
    draft.ip = word
    return readTail(line, wordEnd, end, draft, rest)
  }
  if (octetsEnd(line, at) === wordEnd) draft.mac = word
  return true
}

const offered = hostnameOrReason()
// Of dnsmasq's translations, those that could be names.
const answered = hostnameOrReason("deprecated", "veraltet", "descartado")
const informed = hostnameOrReason("ignored", "ignoriert", "ignorado", "ignorat", "ignorerad", "oversett", "diabaikan")

const RULES: ReadonlyArray<Rule> = [
  { type: "DHCPDISCOVER", kind: "discover", body: v4(reason, false) },
  { type: "DHCPOFFER", kind: "offer", body: v4(offered, true) },
  { type: "DHCPREQUEST", kind: "request", body: either("v6-request", offered) },
  { type: "DHCPACK", kind: "ack", body: v4(hostname, true) },
  { type: "DHCPNAK", kind: "nak", body: v4(reason, true) },
  { type: "DHCPDECLINE", kind: "decline", body: either("v6-decline", freeText) },
  { type: "DHCPRELEASE", kind: "release", body: either("v6-release", reason) },
  { type: "DHCPINFORM", kind: "inform", body: v4(reason, true) },
  { type: "DHCPSOLICIT", kind: "v6-solicit", body: v6(reason) },
  { type: "DHCPADVERTISE", kind: "v6-advertise", body: v6Answer(answered) },
  { type: "DHCPCONFIRM", kind: "v6-confirm", body: v6(reason) },
  { type: "DHCPRENEW", kind: "v6-renew", body: v6(reason) },
  { type: "DHCPREBIND", kind: "v6-rebind", body: v6(reason) },
  { type: "DHCPREPLY", kind: "v6-reply", body: v6Answer(answered) },
  { type: "DHCPINFORMATION-REQUEST", kind: "v6-information-request", body: v6(informed) },
  { type: "BOOTP", kind: "other", subkind: "bootp", body: loose },
  { type: "PXE", kind: "other", subkind: "pxe", body: loose },
  { type: "PXEBS", kind: "other", subkind: "pxe", body: loose },
  { type: "NOANSWER", kind: "other", subkind: "no-answer", body: loose },
  { type: "DHCPLEASEQUERY", kind: "other", subkind: "lease-query", body: loose },
  { type: "DHCPLEASEACTIVE", kind: "other", subkind: "lease-query", body: loose },
  { type: "DHCPLEASEUNASSIGNED", kind: "other", subkind: "lease-query", body: loose },
  { type: "DHCPLEASEUNKNOWN", kind: "other", subkind: "lease-query", body: loose },
  { type: "RTR-SOLICIT", kind: "other", subkind: "rtr-solicit", body: routed(reason) },
  { type: "RTR-ADVERT", kind: "other", subkind: "rtr-advert", body: routed(reason) },
  { type: "SLAAC-CONFIRM", kind: "other", subkind: "slaac-confirm", body: routed(hostname) }
]

const LONGEST_TYPE = Math.max(...RULES.map((rule) => rule.type.length))

const byLength: ReadonlyArray<ReadonlyArray<Rule>> = Array.from(
  { length: LONGEST_TYPE + 1 },
  (_, length) => RULES.filter((rule) => rule.type.length === length)
)

const ruleFor = (line: string, at: number, length: number): Rule | undefined => {
  const rules = byLength[length]
  if (rules === undefined) return undefined
  for (const rule of rules) if (line.startsWith(rule.type, at)) return rule
  return undefined
}

const isTypeCode = (code: number) => (code >= 0x41 && code <= 0x5a) || code === 0x2d

/** Reads a packet line into the draft; false when it is none, or none that is whole. */
export const readPacket = (line: string, at: number, end: number, draft: Draft): boolean => {
  let open = at
  while (isTypeCode(line.charCodeAt(open)) && open - at <= LONGEST_TYPE) open++
  if (line.charCodeAt(open) !== 0x28) return false
  const rule = ruleFor(line, at, open - at)
  // The kernel allows every character but a blank and a slash in the name of an interface.
  const blank = line.indexOf(" ", open)
  const close = (blank === -1 || blank > end ? end : blank) - 1
  if (rule === undefined || line.charCodeAt(close) !== 0x29) return false
  if (end - at > LONGEST) {
    draft.subkind = "truncated"
    return true
  }
  draft.kind = rule.kind
  if (rule.subkind !== undefined) draft.subkind = rule.subkind
  draft.interface = line.slice(open + 1, close)
  if (close + 1 === end) return rule.kind === "other"
  return line.charCodeAt(close + 1) === SPACE && rule.body(line, close + 2, end, draft)
}
