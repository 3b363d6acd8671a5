/** The same question as `conditionOf`, of a system at hand. Pure. */
import { Ipv4, ipv4ToNumber } from "@leasehold/events"
import { Option, Schema } from "effect"
import type { KnownSystem } from "./KnownSystem.ts"
import type { SystemFilter } from "./SystemFilter.ts"

const decode = Schema.decodeUnknownOption(Ipv4)

const isInside = (address: string | null, cidr: string): boolean => {
  const [network = "", length = "32"] = cidr.split("/")
  const [one, other] = [decode(address), decode(network)]
  if (Option.isNone(one) || Option.isNone(other)) return false
  const size = 2 ** (32 - Number(length))
  return Math.floor(ipv4ToNumber(one.value) / size) === Math.floor(ipv4ToNumber(other.value) / size)
}

/** @param isReserved whether the system has a reservation */
export const matches = (filter: SystemFilter, system: KnownSystem, isReserved: boolean): boolean => {
  const { name, reserved, seenSince, server, states, subnet, vendor } = filter
  return (subnet === undefined || isInside(system.address, subnet)) &&
    (states === undefined || states.includes(system.state)) &&
    (seenSince === undefined || system.lastSeen >= seenSince) &&
    (name === undefined || system.name.includes(name.toLowerCase())) &&
    (vendor === undefined || (system.vendor ?? "").toLowerCase().includes(vendor.toLowerCase())) &&
    (server === undefined || system.server === server) &&
    (reserved === undefined || isReserved === reserved)
}
