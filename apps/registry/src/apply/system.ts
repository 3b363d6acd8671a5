/**
 * A system as the database keeps it, and what events make of it.
 *
 * Each observed value is that of the last event that had one; absence clears nothing. Pure, and commutative: the order in
 * which events are applied does not matter.
 */
import type { Mac, NameSource, ServerId } from "@leasehold/events"
import { suffixed } from "../names/candidates.ts"
import { clientLabel } from "../names/clientLabel.ts"
import type { Nameable } from "../names/Naming.ts"
import { vendorOf } from "../names/Vendors.ts"
import type { NameHeard, Observed, Said } from "./foldEvents.ts"
import { type Stamp, timeOf } from "./stamp.ts"

export interface System {
  readonly mac: Mac
  readonly name: string
  readonly nameSource: NameSource
  readonly firstSeen: string
  readonly lastSeen: string
  readonly address: string | null
  readonly addressServer: ServerId | null
  readonly addressStamp: Stamp | null
  readonly server: ServerId
  readonly serverStamp: Stamp
  readonly interface: string | null
  readonly interfaceStamp: Stamp | null
  readonly clientName: string | null
  readonly firstName: string | null
  readonly firstNameStamp: Stamp | null
  readonly saidName: string | null
  readonly saidNameStamp: Stamp | null
  readonly suffixedName: string | null
  readonly suffixedNameStamp: Stamp | null
  readonly vendorClass: string | null
  readonly vendorClassStamp: Stamp | null
  readonly userClass: string | null
  readonly userClassStamp: Stamp | null
  /** The first IPv4 address that it was seen to hold: the naming policy of its subnet is the system's. */
  readonly firstAddress: string | null
  readonly firstAddressStamp: Stamp | null
  readonly vendor: string | null
  /** The addresses of its reservations; the database keeps them. */
  readonly reserved: ReadonlyArray<string>
}

/** The systems that a batch concerns: as they were known, and as they are now. What is in both as one object is unchanged. */
export interface Systems {
  readonly known: Map<Mac, System>
  readonly now: Map<Mac, System>
}

type Draft = { -readonly [Key in keyof System]?: System[Key] }

/** Sorts after every time: what a client says itself stands over what dnsmasq answers, however late that is. */
const ownWord = "~"

const newSystem = ({ first, last, mac, server }: Observed): System => ({
  mac,
  // It gets its name before it is written.
  name: "",
  nameSource: "generated",
  firstSeen: timeOf(first),
  lastSeen: timeOf(last),
  address: null,
  addressServer: null,
  addressStamp: null,
  server: server.value,
  serverStamp: server.stamp,
  interface: null,
  interfaceStamp: null,
  clientName: null,
  firstName: null,
  firstNameStamp: null,
  saidName: null,
  saidNameStamp: null,
  suffixedName: null,
  suffixedNameStamp: null,
  vendorClass: null,
  vendorClassStamp: null,
  userClass: null,
  userClassStamp: null,
  firstAddress: null,
  firstAddressStamp: null,
  vendor: vendorOf(mac) ?? null,
  reserved: []
})

/**
 * The system after what was observed; the same object where nothing changed.
 * @param isGiven whether the system has, or had, the name from us: in dnsmasq's answers it is not the client's
 */
export const observe = (
  before: System | undefined,
  observed: Observed,
  isGiven: (name: string, system: Nameable) => boolean
): System => {
  const known = before ?? newSystem(observed)
  const draft: Draft = {}
  if (timeOf(observed.first) < known.firstSeen) draft.firstSeen = timeOf(observed.first)
  if (timeOf(observed.last) > known.lastSeen) draft.lastSeen = timeOf(observed.last)
  if (observed.server.stamp > known.serverStamp) {
    draft.server = observed.server.value
    draft.serverStamp = observed.server.stamp
  }
  if (isLater(observed.interface, known.interfaceStamp)) {
    draft.interface = observed.interface.value
    draft.interfaceStamp = observed.interface.stamp
  }
  if (isLater(observed.vendorClass, known.vendorClassStamp)) {
    draft.vendorClass = observed.vendorClass.value
    draft.vendorClassStamp = observed.vendorClass.stamp
  }
  if (isLater(observed.userClass, known.userClassStamp)) {
    draft.userClass = observed.userClass.value
    draft.userClassStamp = observed.userClass.stamp
  }
  if (isEarlier(observed.firstHeld, known.firstAddressStamp)) {
    draft.firstAddress = observed.firstHeld.value
    draft.firstAddressStamp = observed.firstHeld.stamp
  }
  for (const heard of observed.names) {
    if (heard.own || !isGiven(heard.text.toLowerCase(), { ...known, ...draft })) hear(known, draft, heard)
  }
  for (const _ in draft) return withClientName({ ...known, ...draft })
  return known
}

const isEarlier = (said: Said | undefined, stamp: Stamp | null): said is Said =>
  said !== undefined && (stamp === null || said.stamp < stamp)

const isLater = (said: Said | undefined, stamp: Stamp | null): said is Said =>
  said !== undefined && (stamp === null || said.stamp > stamp)

const hear = (known: System, draft: Draft, heard: NameHeard): void => {
  const { first, last, own, text } = heard
  const firstStamp = draft.firstNameStamp ?? known.firstNameStamp
  if ((firstStamp === null || first < firstStamp) && clientLabel(known.mac, text) !== undefined) {
    draft.firstName = text
    draft.firstNameStamp = first
  }
  const stamp = own ? `${ownWord}${last}` : last
  if (heard.suffixed) {
    const suffixedStamp = draft.suffixedNameStamp ?? known.suffixedNameStamp
    if (suffixedStamp === null || stamp > suffixedStamp) {
      draft.suffixedName = text
      draft.suffixedNameStamp = stamp
    }
  } else {
    const saidStamp = draft.saidNameStamp ?? known.saidNameStamp
    if (saidStamp === null || stamp > saidStamp) {
      draft.saidName = text
      draft.saidNameStamp = stamp
    }
  }
}

/** A suffixed name counts unless it is the one that we would make of the client's own. */
const withClientName = (system: System): System => {
  const { firstName, mac, saidName, saidNameStamp, suffixedName, suffixedNameStamp } = system
  const label = firstName === null ? undefined : clientLabel(mac, firstName)
  const isOurs = label !== undefined && suffixedName !== null &&
    suffixed(mac, label).includes(suffixedName.toLowerCase())
  const clientName = suffixedName === null || isOurs || (saidNameStamp ?? "") > (suffixedNameStamp ?? "")
    ? saidName
    : suffixedName
  return clientName === system.clientName ? system : { ...system, clientName }
}
