/** In words: where a system's name, address, state and reservations come from. Pure. */
import { isLocallyAdministered, Mac, type ReservationSource } from "@leasehold/events"
import { Schema } from "effect"
import type { KnownSystem } from "./KnownSystem.ts"

interface By {
  readonly actor: string
  readonly at: string
  readonly change: string
}

export interface Background {
  readonly firstName: string | null
  readonly firstNameAt: string | null
  readonly addressAt: string | null
  readonly addressServer: string | null
  readonly subnetPolicy: "auto" | "manual" | null
  readonly reserveRandomised: boolean | null
  readonly namedBy: By | null
  readonly stateBy: By | null
  readonly reservations: ReadonlyArray<{
    readonly id: string
    readonly address: string | null
    readonly name: string | null
    readonly source: ReservationSource
    readonly enabled: boolean
    readonly ignore: boolean
    readonly subnet: string
    readonly createdAt: string
  }>
}

export const reasonsOf = (system: KnownSystem, background: Background): ReadonlyArray<string> => [
  nameReason(system, background),
  addressReason(system, background),
  ...stateReason(system, background),
  ...(background.reservations.length === 0
    ? [unreservedReason(system, background)]
    : background.reservations.map(reservationReason))
]

const isMac = Schema.is(Schema.toType(Mac))
const by = ({ actor, at, change }: By): string => `by ${actor} on ${second(at)} (change ${change})`
const second = (at: string): string => `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`

const nameReason = (
  { clientName, name, nameSource }: KnownSystem,
  { firstName, firstNameAt, namedBy, reservations }: Background
) => {
  if (nameSource === "administrator") {
    return `It is called ${name} because an administrator said so${namedBy === null ? "" : `, ${by(namedBy)}`}.`
  }
  if (nameSource === "reservation") {
    const reservation = reservations.find((one) => one.name === name && one.source !== "auto")
    return `It is called ${name} because ${
      reservation === undefined ? "a reservation" : `reservation ${reservation.id}`
    } says so.`
  }
  if (nameSource === "client" && firstName !== null) {
    const first = firstNameAt === null ? "" : ` (first on ${second(firstNameAt)})`
    return firstName.toLowerCase() === name
      ? `It is called ${name} because it calls itself so${first}.`
      : `It is called ${name} because it calls itself ${JSON.stringify(firstName)}${first}, which is made a host name; `
        + "digits of its MAC at the end mean that another system has the name without them."
  }
  if (firstName === null) {
    const itself = clientName === null ? "nothing" : `${JSON.stringify(clientName)}, which is no usable name`
    return `It is called ${name} because it calls itself ${itself}: the name is made by the naming policy.`
  }
  return `It is called ${name}, by the naming policy, which does not let it be called ${JSON.stringify(firstName)}.`
}

const addressReason = ({ address, lastSeen, server }: KnownSystem, { addressAt, addressServer }: Background) =>
  address === null
    ? `It holds no address, as far as is known; ${server} heard it last, on ${second(lastSeen)}.`
    : `It holds ${address} because ${addressServer ?? server} said so${
      addressAt === null ? "" : ` on ${second(addressAt)}`
    }, and nothing since said otherwise.`

const stateReason = ({ state }: KnownSystem, { stateBy }: Background): ReadonlyArray<string> => {
  if (state === "known") return []
  const what = state === "blocked"
    ? "It is blocked: no server answers it"
    : "It is ignored: nothing is reserved for it by itself"
  return [`${what}${stateBy === null ? "" : `; ${by(stateBy)}`}.`]
}

const reservationReason = (
  { address, createdAt, enabled, id, ignore, name, source, subnet }: Background["reservations"][number]
) => {
  const whose = source === "auto" ? "automatically" : source === "import" ? "by an import" : "by an administrator"
  const what = ignore
    ? `No answer in ${subnet}`
    : `${address ?? "The name"}${address === null ? ` ${name ?? ""}` : ""} is reserved for it`
  return `${what} (reservation ${id}, made ${whose} on ${second(createdAt)}${enabled ? "" : ", disabled"}).`
}

const unreservedReason = (
  { address, mac, state, subnet }: KnownSystem,
  { reserveRandomised, subnetPolicy }: Background
) => {
  const why = state !== "known"
    ? `it is ${state}`
    : address === null
    ? "it holds no address"
    : subnet === null
    ? `no subnet holds ${address}`
    : subnetPolicy === "manual"
    ? `${subnet} has the policy manual: an administrator approves`
    : isMac(mac) && isLocallyAdministered(mac) && reserveRandomised === false
    ? "its MAC is made up"
    : "another has the address, or the subnet's share for automatic reservations is taken"
  return `Nothing is reserved for it: ${why}.`
}
