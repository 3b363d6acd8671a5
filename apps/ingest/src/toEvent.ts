/**
 * What a line of the log said, as an event for the bus; undefined for a line that is none.
 *
 * A plain function, run for every line of DHCP. Whatever it is given, its answer decodes: a field that the contract
 * does not allow is left out, and a line that lacks what its kind requires is no event.
 */
import type { JoinedRecord } from "@leasehold/dnsmasq"
import {
  type DhcpEvent,
  type EventId,
  type EventKind,
  Ipv4,
  Ipv6,
  Mac,
  type Provenance,
  sanitizeText,
  type ServerId,
  type Timestamp
} from "@leasehold/events"
import { Option, Schema } from "effect"

type Draft = { -readonly [Field in keyof DhcpEvent]: DhcpEvent[Field] }

const mac = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/u
const hardwareAddress = /^[0-9a-f]{2}(?::[0-9a-f]{2}){0,254}$/u
const duid = /^[0-9a-f]{2}(?::[0-9a-f]{2}){0,129}$/u
const ipv4 = /^(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/u
const clientName = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_.-]{0,252}$/u
const interfaceName = /^[^\s\p{C}/]{1,64}$/u
const decodeIpv6 = Schema.decodeOption(Ipv6)

const unchecked = { disableChecks: true }
const mostTags = 64
const mostOptions = 255

/** The kind on the bus: dnsmasq's own extras are told by their subkind. */
export const kindOf = ({ ip, kind, lost, mac, reason, subkind }: JoinedRecord): EventKind | undefined => {
  if (kind === null) return undefined
  if (kind !== "other") return kind
  switch (subkind) {
    case "pxe":
      return mac === undefined ? undefined : "pxe"
    case "bootp":
      // An infinite lease, of which there is no other line.
      return mac !== undefined && ip !== undefined && reason === undefined ? "lease" : undefined
    case "overflow":
    case "rate-limited":
      return lost === undefined ? undefined : "gap"
    case "truncated":
      return "gap"
    default:
      return undefined
  }
}

const needsAddress: ReadonlySet<EventKind> = new Set<EventKind>([
  "offer",
  "request",
  "ack",
  "nak",
  "decline",
  "release",
  "lease"
])

const count = (value: number | undefined): value is number =>
  value !== undefined && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff

const reasonOfGap = ({ lost, reason, subkind }: JoinedRecord) =>
  subkind === "truncated"
    ? "a line was cut on its way to the log"
    : `${subkind === "overflow" ? "dnsmasq could not write its log fast enough" : "the log was rate-limited"}: ${
      lost ?? "some"
    } lines lost${reason === undefined ? "" : `, ${reason}`}`

/** The client, by the kind of address it has; false when the event must not be without one and is. */
const addClient = (event: Draft, record: JoinedRecord): boolean => {
  const { duid: id, kind } = record
  if (kind?.startsWith("v6-") === true) {
    if (id === undefined || !duid.test(id)) return false
    event.duid = id
    if (record.clientMac !== undefined && mac.test(record.clientMac)) event.mac = Mac.make(record.clientMac, unchecked)
    return true
  }
  if (record.mac !== undefined && mac.test(record.mac)) event.mac = Mac.make(record.mac, unchecked)
  else event.hardwareAddress = record.mac !== undefined && hardwareAddress.test(record.mac) ? record.mac : "<null>"
  return true
}

const addAddress = (event: Draft, { ip, kind }: JoinedRecord): void => {
  if (ip === undefined) return
  if (kind?.startsWith("v6-") !== true) {
    if (ipv4.test(ip)) event.ip = Ipv4.make(ip, unchecked)
    return
  }
  const address = decodeIpv6(ip)
  if (Option.isSome(address)) event.ip = address.value
}

const addDetails = (event: Draft, record: JoinedRecord): void => {
  if (record.hostname !== undefined && clientName.test(record.hostname)) event.hostname = record.hostname
  if (count(record.xid)) event.xid = record.xid
  if (record.clientName !== undefined && clientName.test(record.clientName)) event.clientName = record.clientName
  if (record.vendorClass !== undefined) event.vendorClass = sanitizeText(record.vendorClass)
  if (record.userClass !== undefined) event.userClass = sanitizeText(record.userClass)
  if (record.requestedOptions !== undefined) {
    event.requestedOptions = record.requestedOptions.filter(count).slice(0, mostOptions)
  }
  if (record.tags !== undefined) event.tags = record.tags.slice(0, mostTags).map(sanitizeText)
  if (record.reason !== undefined) event.reason = sanitizeText(record.reason)
  if (record.inform === true && record.kind === "ack") event.inform = true
}

export const toEvent = (
  record: JoinedRecord,
  kind: EventKind,
  server: ServerId,
  id: EventId,
  at: Timestamp,
  provenance: Provenance
): DhcpEvent | undefined => {
  if (kind === "gap") {
    const event: Draft = { server, kind, id, at, reason: sanitizeText(reasonOfGap(record)), provenance }
    if (count(record.lost)) event.lost = record.lost
    return event
  }
  const event: Draft = { server, kind, id, at }
  if (!addClient(event, record)) return undefined
  addAddress(event, record)
  if (event.ip === undefined && needsAddress.has(kind)) return undefined
  if (record.interface !== undefined && interfaceName.test(record.interface)) event.interface = record.interface
  addDetails(event, record)
  event.provenance = provenance
  return event
}
