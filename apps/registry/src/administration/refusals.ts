/**
 * What a violated constraint means to whoever caused it: which field, and what would be allowed.
 *
 * The rules live in the database; this only gives them words. Who holds what was wanted is asked for before, where the
 * answer is to name it (`ipam/`).
 */
import type { PostgresError } from "@leasehold/runtime"
import pg from "pg"
import { ApiError, type ApiErrorCode } from "../api/ApiError.ts"

type Refusal = readonly [code: ApiErrorCode, field: string, message: string]

const refusals: Readonly<Record<string, Refusal>> = {
  subnets_overlap_excl: ["already-exists", "subnet.cidr", "it overlaps another subnet"],
  subnets_name_key: ["already-exists", "subnet.name", "another subnet has this name"],
  subnets_name_check: [
    "invalid-argument",
    "subnet.name",
    "expected a letter or digit, then up to 62 letters, digits, spaces, or any of . _ / -"
  ],
  subnets_name_address_check: [
    "invalid-argument",
    "subnet.name",
    "expected a name that is no address or network, or the subnet's own network"
  ],
  subnets_cidr_check: [
    "invalid-argument",
    "subnet.cidr",
    "expected an IPv4 network with a prefix length of at most 30"
  ],
  subnets_range_inside_check: [
    "invalid-argument",
    "subnet.range",
    "expected a first and a last address inside the subnet, in that order"
  ],
  subnets_gateway_inside_check: ["invalid-argument", "subnet.gateway", "expected an address inside the subnet"],
  subnet_exclusions_inside_check: [
    "invalid-argument",
    "subnet.excluded",
    "expected a first and a last address inside the subnet, in that order"
  ],
  reservations_address_key: ["already-exists", "reservation.address", "it is reserved already"],
  reservations_subnet_mac_key: ["already-exists", "reservation.macs", "it has a reservation in this subnet already"],
  reservations_domain_name_excl: [
    "already-exists",
    "reservation.name",
    "another reservation of the domain has this name"
  ],
  reservations_mac_check: ["invalid-argument", "reservation.macs", "expected the MAC of an interface"],
  reservations_name_check: [
    "invalid-argument",
    "reservation.name",
    "expected an RFC 1123 label that neither dnsmasq nor a resolver takes for something else"
  ],
  reservations_address_check: [
    "invalid-argument",
    "reservation.address",
    "expected an address inside the subnet that is neither its network nor its broadcast address"
  ],
  reservations_subnet_fkey: ["failed-precondition", "subnet", "it still has reservations"],
  systems_name_key: ["already-exists", "name", "another system has this name"],
  systems_name_check: [
    "invalid-argument",
    "name",
    "expected an RFC 1123 label that neither dnsmasq nor a resolver takes for something else"
  ],
  api_tokens_name_key: ["already-exists", "name", "another token has this name; revoke it first"],
  api_tokens_name_check: [
    "invalid-argument",
    "name",
    "expected a letter or digit, then up to 62 letters, digits, or any of . _ @ -"
  ]
}

/** Undefined where the error is no refusal of what was asked, but a fault. */
export const refusalOf = (error: PostgresError): ApiError | undefined => {
  if (!(error.cause instanceof pg.DatabaseError)) return undefined
  const { code = "", column, constraint = "", message, table } = error.cause
  const known = refusals[constraint]
  if (known !== undefined) return ApiError.refuse(known[0], known[2], known[1])
  if (code === "40001" || code === "40P01" || code === "55P03") {
    return ApiError.refuse("aborted", "somebody else changed the same at this moment: try again")
  }
  if (code === "27000") {
    const message = "automatic reservations that would give way are to be changed at the same time: change those first"
    return ApiError.refuse("failed-precondition", message)
  }
  if (!/^(?:22|23)/u.test(code)) return undefined
  const field = column ?? (constraint === "" ? table : constraint)
  return ApiError.refuse(code === "23505" || code === "23P01" ? "already-exists" : "invalid-argument", message, field)
}
