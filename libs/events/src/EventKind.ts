/**
 * The kinds of events: the DHCP message types of RFC 2131 and RFC 8415 as dnsmasq logs them, and what only its other
 * interfaces tell (`lease`, `expire`) or its silence (`gap`).
 */
import { Schema } from "effect"

export const v4Kinds = ["discover", "offer", "request", "ack", "nak", "decline", "release", "inform", "pxe"] as const
export const v6Kinds = [
  "v6-solicit",
  "v6-advertise",
  "v6-request",
  "v6-confirm",
  "v6-renew",
  "v6-rebind",
  "v6-reply",
  "v6-release",
  "v6-decline",
  "v6-information-request"
] as const

export const EventKind = Schema.Literals([...v4Kinds, ...v6Kinds, "lease", "expire", "gap"])
export type EventKind = typeof EventKind.Type
export const isEventKind = Schema.is(EventKind)
