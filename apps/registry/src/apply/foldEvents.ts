/**
 * Folds a batch of events by MAC and by address, so that the database is asked and told once for each.
 *
 * What comes out depends on the set of events alone, not on their order or on how often one is there. Plain functions:
 * this is the inner loop of a batch.
 */
import type { DhcpEvent, Mac, ServerId } from "@leasehold/events"
import { endsInOwnDigits, isGenerated } from "../names/candidates.ts"
import { type Stamp, stampOf } from "./stamp.ts"

/** A value that the last event wins. */
export interface Said<Value extends string = string> {
  readonly value: Value
  readonly stamp: Stamp
}

/** A name that was heard of a client, and when first and last. */
export interface NameHeard {
  readonly text: string
  /** The client's own word; otherwise dnsmasq's answer, which may repeat a name that we gave. */
  readonly own: boolean
  /** It ends in the MAC's digits, as the names that we suffix do. */
  readonly suffixed: boolean
  first: Stamp
  last: Stamp
}

export interface Observed {
  readonly mac: Mac
  first: Stamp
  last: Stamp
  server: Said<ServerId>
  interface: Said | undefined
  vendorClass: Said | undefined
  userClass: Said | undefined
  readonly names: Array<NameHeard>
  /** The first IPv4 address that it held in the batch. */
  firstHeld: Said | undefined
}

/** One event's word on who holds an address. */
export interface Sighting {
  readonly mac: Mac
  readonly held: boolean
  readonly stamp: Stamp
}

export interface NewSighting extends Sighting {
  readonly kind: string
  readonly provenance: string | null
}

/** An address at a server, and what the batch says about it. */
export interface Place {
  readonly key: string
  readonly server: ServerId
  readonly address: string
  /** The earliest event about it: everything from here on is folded again. */
  from: Stamp
  readonly sightings: Array<NewSighting>
}

export interface Folded {
  readonly observed: ReadonlyMap<Mac, Observed>
  readonly places: ReadonlyMap<string, Place>
  readonly gaps: ReadonlyArray<DhcpEvent>
  /** How many events have no six-octet MAC: they are on the bus, and no system is kept for them. */
  readonly anonymous: number
}

export const placeKey = (server: string, address: string): string => `${server} ${address}`

export const foldEvents = (events: ReadonlyArray<DhcpEvent>): Folded => {
  const observed = new Map<Mac, Observed>()
  const places = new Map<string, Place>()
  const gaps: Array<DhcpEvent> = []
  let anonymous = 0
  for (const event of events) {
    if (event.kind === "gap") {
      gaps.push(event)
    } else if (event.mac === undefined) {
      anonymous += 1
    } else {
      const stamp = stampOf(event)
      sight(places, observe(observed, event, event.mac, stamp), event, stamp)
    }
  }
  return { observed, places, gaps, anonymous }
}

const observe = (observed: Map<Mac, Observed>, event: DhcpEvent, mac: Mac, stamp: Stamp): Observed => {
  const known = observed.get(mac)
  const one: Observed = known ?? {
    mac,
    first: stamp,
    last: stamp,
    server: { value: event.server, stamp },
    interface: undefined,
    vendorClass: undefined,
    userClass: undefined,
    names: [],
    firstHeld: undefined
  }
  if (known === undefined) {
    observed.set(mac, one)
  } else {
    if (stamp < one.first) one.first = stamp
    if (stamp > one.last) one.last = stamp
    one.server = lastOf(one.server, event.server, stamp) ?? one.server
  }
  one.interface = lastOf(one.interface, event.interface, stamp)
  one.vendorClass = lastOf(one.vendorClass, event.vendorClass, stamp)
  one.userClass = lastOf(one.userClass, event.userClass, stamp)
  if (event.clientName !== undefined) {
    hear(one, event.clientName, true, stamp)
  } else if (event.hostname !== undefined && !isGenerated(mac, event.hostname)) {
    hear(one, event.hostname, false, stamp)
  }
  return one
}

const lastOf = <Value extends string>(
  before: Said<Value> | undefined,
  value: Value | undefined,
  stamp: Stamp
): Said<Value> | undefined =>
  value === undefined || (before !== undefined && before.stamp >= stamp) ? before : { value, stamp }

const hear = (one: Observed, text: string, own: boolean, stamp: Stamp): void => {
  const before = one.names.find((name) => name.text === text && name.own === own)
  if (before === undefined) {
    one.names.push({ text, own, suffixed: !own && endsInOwnDigits(one.mac, text), first: stamp, last: stamp })
  } else {
    if (stamp < before.first) before.first = stamp
    if (stamp > before.last) before.last = stamp
  }
}

/** Whether the event says that its MAC holds its address, or no longer does; undefined where it says neither. */
const holds = ({ inform, kind }: DhcpEvent): boolean | undefined => {
  switch (kind) {
    case "ack":
      // The ACK that answers an INFORM repeats the client's claim.
      return inform === true ? undefined : true
    case "lease":
    case "v6-reply":
      return true
    case "release":
    case "expire":
    case "decline":
    case "v6-release":
    case "v6-decline":
      return false
    default:
      return undefined
  }
}

const sight = (places: Map<string, Place>, one: Observed, event: DhcpEvent, stamp: Stamp): void => {
  const { mac } = one
  const held = holds(event)
  const { ip } = event
  if (held === undefined || ip === undefined || ip === "0.0.0.0" || ip === "::") return
  if (held && (one.firstHeld === undefined || stamp < one.firstHeld.stamp) && !ip.includes(":")) {
    one.firstHeld = { value: ip, stamp }
  }
  const key = placeKey(event.server, ip)
  const sighting: NewSighting = {
    mac,
    held,
    stamp,
    kind: event.kind,
    provenance: event.provenance === undefined ? null : JSON.stringify(event.provenance)
  }
  const place = places.get(key)
  if (place === undefined) {
    places.set(key, { key, server: event.server, address: ip, from: stamp, sightings: [sighting] })
  } else {
    if (stamp < place.from) place.from = stamp
    place.sightings.push(sighting)
  }
}
