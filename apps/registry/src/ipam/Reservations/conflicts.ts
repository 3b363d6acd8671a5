/**
 * Who has what a reservation wants: its MAC, its address, its name. Automatic reservations give way, and are in
 * nobody's. Needs the writer lock.
 */
import { type Ipv4, ipv4ToNumber, type Mac } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import { Effect } from "effect"
import { ApiError } from "../../api/ApiError.ts"
import { parseNetwork, textOf } from "../fields.ts"
import { describe, subnetLabel } from "../model.ts"
import { isBounded, nextSql } from "../Subnets/free.ts"
import type { StoredSubnet } from "../Subnets/rows.ts"
import { type Described, groupsSql } from "./holders.ts"
import { givenNames } from "./names.ts"

/** A reservation as it would be. */
export interface Wanted {
  /** 0 for a new one. */
  readonly id: string
  readonly subnet: StoredSubnet
  readonly macs: ReadonlyArray<Mac>
  readonly address: Ipv4 | undefined
  readonly name: string | undefined
}

const others = "coalesce(r.also_of, r.id) <> $1::bigint AND r.source <> 'auto'"
const macSql = groupsSql(`${others} AND r.subnet_id = $2::bigint AND r.mac = ANY ($3::macaddr[])`)
const addressSql = groupsSql(`${others} AND r.address = $2::inet`)
// A name may be that of the same MAC in another subnet, and of nobody else.
const nameSql = groupsSql(`
  ${others} AND r.name = $2 AND r.domain = $3 AND EXISTS (SELECT FROM unnest($4::macaddr[]) AS k (mac) WHERE k.mac <> r.mac)`)
const takenSql = `
  SELECT name FROM reservations WHERE domain = $1 AND name = ANY ($2::text[])
  UNION SELECT name FROM systems WHERE name = ANY ($2::text[]) AND name_source = 'administrator'`
// What stays may be older than what was given.
const keptSql = "SELECT FROM reservations WHERE id = $1::bigint AND name = $2"

/** The lowest free address, for somebody who cannot have the one that was asked for. */
export const suggestAddress = Effect.fnUntraced(function*(client: Client, subnet: StoredSubnet) {
  const { cidr, id } = subnet
  if (!isBounded(subnet)) return "take another"
  const [row] = yield* client.query<{ address: string | null }>(nextSql, [id, null])
  return row?.address == null ? `${cidr} has no free address` : `${row.address} is free`
})

const suggestNames = Effect.fnUntraced(function*(client: Client, domain: string, name: string) {
  const like = Array.from({ length: 8 }, (_, index) => `${name.slice(0, 61)}-${index + 2}`)
  const taken = new Set((yield* client.query<{ name: string }>(takenSql, [domain, like])).map((row) => row.name))
  const free = like.filter((one) => !taken.has(one)).slice(0, 2)
  return free.length === 0 ? "take another" : `${free.join(" and ")} ${free.length === 1 ? "is" : "are"} free`
})

/** Why a host of the subnet cannot have the address, whoever it is. */
export const unfitAddress = (subnet: StoredSubnet, address: Ipv4): string | undefined => {
  const network = parseNetwork(subnet.cidr)
  const number = ipv4ToNumber(address)
  if (network === undefined || number < network.first || number > network.last) {
    return `it is outside ${subnetLabel(subnet)}`
  }
  const hosts = `hosts of ${subnet.cidr} have ${textOf(network.first + 1)} to ${textOf(network.last - 1)}`
  if (number === network.first) return `it is the network's own address: ${hosts}`
  if (number === network.last) return `it is the broadcast address: ${hosts}`
  return address === subnet.gateway ? `it is the gateway of ${subnet.cidr}` : undefined
}

const refuseAddress = Effect.fnUntraced(function*(client: Client, wanted: Wanted, address: Ipv4) {
  const field = "reservation.address"
  const unfit = unfitAddress(wanted.subnet, address)
  if (unfit !== undefined) {
    return yield* ApiError.refuse(
      "invalid-argument",
      `${unfit}; ${yield* suggestAddress(client, wanted.subnet)}`,
      field
    )
  }
  const [holder] = yield* client.query<Described>(addressSql, [wanted.id, address])
  if (holder === undefined) return
  const message = `${address} is reserved for ${describe(holder)}; ${yield* suggestAddress(client, wanted.subnet)}`
  return yield* ApiError.refuse("already-exists", message, field)
})

const refuseName = Effect.fnUntraced(function*(client: Client, { domain }: StoredSubnet, name: string, whose: string) {
  const message = `${name} is the name of ${whose}; ${yield* suggestNames(client, domain, name)}`
  return yield* ApiError.refuse("already-exists", message, "reservation.name")
})

export const refuseConflicts = Effect.fnUntraced(function*(client: Client, wanted: Wanted) {
  const { address, id, macs, name, subnet } = wanted
  const [same] = yield* client.query<Described>(macSql, [id, subnet.id, macs])
  if (same !== undefined) {
    const mac = macs.find((one) => same.macs.includes(one)) ?? ""
    const message = `${mac} has a reservation in ${subnet.cidr} already: ${describe(same)}; change or remove that one`
    return yield* ApiError.refuse("already-exists", message, "reservation.macs")
  }
  if (address !== undefined) yield* refuseAddress(client, wanted, address)
  if (name === undefined) return
  const [namesake] = yield* client.query<Described>(nameSql, [id, name, subnet.domain, macs])
  const where = subnet.domain === "" ? "" : ` in ${subnet.domain}`
  if (namesake !== undefined) return yield* refuseName(client, subnet, name, `${describe(namesake)}${where}`)
  const [given] = (yield* givenNames(client, [name])).filter(({ mac }) => !macs.includes(mac))
  if (given === undefined || (yield* client.query(keptSql, [id, name])).length > 0) return
  return yield* refuseName(client, subnet, name, `${given.mac}, by an administrator's word`)
})
