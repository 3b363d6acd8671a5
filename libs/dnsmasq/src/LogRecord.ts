/** What one line of a dnsmasq log says: the vocabulary that the grammar yields and the other modules take. */

/** DHCPv4 messages. */
export type LogKindV4 = "discover" | "offer" | "request" | "ack" | "nak" | "decline" | "release" | "inform"

/** DHCPv6 messages. */
export type LogKindV6 =
  | "v6-solicit"
  | "v6-advertise"
  | "v6-request"
  | "v6-confirm"
  | "v6-renew"
  | "v6-rebind"
  | "v6-reply"
  | "v6-release"
  | "v6-decline"
  | "v6-information-request"

/** `other`: a line of dnsmasq-dhcp that is no DHCP message, or a notice of loss. `null`: not a line of dnsmasq-dhcp. */
export type LogKind = LogKindV4 | LogKindV6 | "other" | null

/** One line, parsed. A field that the line does not give is absent. */
export interface LogRecord {
  readonly kind: LogKind
  /** What an `other` line is; `unknown` when no rule knows it, `truncated` when it was cut on its way. */
  readonly subkind?: string
  /** RFC 3339, UTC, microseconds. Absent when the framing has no time or the time makes no sense. */
  readonly at?: string
  readonly pid?: number
  /** Hardware address as dnsmasq prints it: 1 to 16 octets, lower case. */
  readonly mac?: string
  readonly ip?: string
  readonly interface?: string
  readonly hostname?: string
  readonly xid?: number
  readonly duid?: string
  readonly reason?: string
  /** Free text that a client or dnsmasq chose: never to be read as anything but text. */
  readonly text?: string
  /** How many messages a notice of loss counts. */
  readonly lost?: number
  /** How often the same message came again, when the syslog daemon folded repetitions into this line. */
  readonly count?: number
}

/** How to read times that have no year or no zone. */
export interface LogOptions {
  /** IANA name; default UTC. */
  readonly zone?: string
  /** The year of the first time without a year; later ones follow it over New Year. */
  readonly year?: number
  /** "Now" in ms of the epoch: without `year`, a time is in the latest year that puts it at most a day after this. */
  readonly reference?: number
  /** The instant of the line before the first, in ms of the epoch: tells the two hours apart that a clock change makes alike. */
  readonly previous?: number
}
