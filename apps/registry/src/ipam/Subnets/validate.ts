/** What a subnet may be set to, as a whole: each problem names its field, who is in the way, and what would be allowed. */
import { type Ipv4, ipv4ToNumber } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import { Effect, Result } from "effect"
import { ApiError } from "../../api/ApiError.ts"
import { type Network, readNetwork, textOf } from "../fields.ts"
import { type AddressRange, describe, subnetLabel, type SubnetSettings } from "../model.ts"
import { type Described, groupsSql } from "../Reservations/holders.ts"

const namePattern = /^[\p{L}\p{N}][\p{L}\p{N} ._/-]{0,62}$/u
/** Such a name would be taken for an address, or for another subnet. The database says the same. */
const addressLike = /^[0-9./:]+$/u
export const mostExclusions = 1_000
export const mostServers = 100
const mostDnsServers = 8

const inside = ({ first, last }: Network, address: Ipv4) => {
  const number = ipv4ToNumber(address)
  return number > first && number < last
}

const hosts = ({ first, last }: Network) => `${textOf(first + 1)} to ${textOf(last - 1)}`

const checkRange = (field: string, network: Network, { first, last }: AddressRange) =>
  inside(network, first) && inside(network, last) && ipv4ToNumber(first) <= ipv4ToNumber(last)
    ? Result.succeed(undefined)
    : Result.fail(
      ApiError.invalid(field, `a first and a last address of ${hosts(network)}, in that order`, `${first} ${last}`)
    )

const checkExcluded = (network: Network, excluded: ReadonlyArray<AddressRange>) =>
  Result.gen(function*() {
    const field = "subnet.excluded"
    if (excluded.length > mostExclusions) {
      return yield* Result.fail(ApiError.invalid(field, `at most ${mostExclusions} ranges`, excluded.length))
    }
    const sorted = excluded.toSorted((one, other) => ipv4ToNumber(one.first) - ipv4ToNumber(other.first))
    for (const [index, range] of sorted.entries()) {
      yield* checkRange(field, network, range)
      const next = sorted[index + 1]
      if (next !== undefined && ipv4ToNumber(next.first) <= ipv4ToNumber(range.last)) {
        return yield* Result.fail(
          ApiError.invalid(
            field,
            "ranges that do not overlap",
            `${range.first}-${range.last} ${next.first}-${next.last}`
          )
        )
      }
    }
    return undefined
  })

/** What can be said without the database. */
export const checkSettings = (subnet: SubnetSettings): Result.Result<Network, ApiError> =>
  Result.gen(function*() {
    const network = yield* readNetwork("subnet.cidr", subnet.cidr)
    const refuse = (field: string, expected: string, actual: unknown) =>
      Result.fail(ApiError.invalid(field, expected, actual))
    if (!namePattern.test(subnet.name)) {
      return yield* refuse(
        "subnet.name",
        "a letter or digit, then up to 62 letters, digits, spaces, or any of . _ / -",
        subnet.name
      )
    }
    if (addressLike.test(subnet.name) && subnet.name !== subnet.cidr) {
      return yield* refuse("subnet.name", `a name that is no address or network, or ${subnet.cidr}`, subnet.name)
    }
    if (subnet.range !== undefined) yield* checkRange("subnet.range", network, subnet.range)
    if (subnet.gateway !== undefined && !inside(network, subnet.gateway)) {
      return yield* refuse("subnet.gateway", `an address of ${hosts(network)}`, subnet.gateway)
    }
    yield* checkExcluded(network, subnet.excluded)
    if (!(subnet.autoShare >= 0 && subnet.autoShare <= 1)) {
      return yield* refuse("subnet.auto_share", "a share from 0 to 1", subnet.autoShare)
    }
    if (subnet.dnsServers.length > mostDnsServers) {
      return yield* refuse("subnet.dns_servers", `at most ${mostDnsServers} addresses`, subnet.dnsServers.length)
    }
    if (subnet.servers.length > mostServers) {
      return yield* refuse("subnet.servers", `at most ${mostServers} servers`, subnet.servers.length)
    }
    return network
  })

const overlapSql = `
  SELECT cidr::text, name FROM subnets WHERE cidr && $1::cidr AND id <> $2::bigint ORDER BY cidr LIMIT 1`
const namesakeSql = "SELECT cidr::text, name FROM subnets WHERE name = $1 AND id <> $2::bigint"
const outsideSql = groupsSql(`
  r.subnet_id = $1::bigint AND r.address IS NOT NULL AND (NOT r.address << $2::cidr
    OR r.address IN (set_masklen(network($2::cidr)::inet, 32), set_masklen(broadcast($2::cidr), 32)))`)
const gatewaySql = groupsSql("r.address = $1::inet")
const renamedSql = `
  SELECT r.name, r.mac::text AS mac, o.mac::text AS other, o.subnet::text AS subnet
  FROM reservations r JOIN reservations o ON o.name = r.name
  WHERE r.subnet_id = $1::bigint AND o.subnet_id <> r.subnet_id AND o.domain = $2 AND o.mac <> r.mac AND o.source <> 'auto'
  ORDER BY r.name LIMIT 1`

/** Who is in the way of the settings; `id` is that of the subnet, or 0 for a new one. Needs the writer lock. */
export const refuseConflicts = Effect.fnUntraced(function*(client: Client, id: string, subnet: SubnetSettings) {
  const [overlapped] = yield* client.query<{ cidr: string; name: string }>(overlapSql, [subnet.cidr, id])
  if (overlapped !== undefined) {
    const message = `it overlaps the subnet ${subnetLabel(overlapped)}`
    return yield* ApiError.refuse("already-exists", message, "subnet.cidr")
  }
  const [namesake] = yield* client.query<{ cidr: string }>(namesakeSql, [subnet.name, id])
  if (namesake !== undefined) {
    return yield* ApiError.refuse("already-exists", `the subnet ${namesake.cidr} has this name`, "subnet.name")
  }
  if (subnet.gateway !== undefined) {
    const [holder] = yield* client.query<Described>(gatewaySql, [subnet.gateway])
    if (holder !== undefined) {
      const message = `it is reserved for ${describe(holder)}: remove or move that reservation first`
      return yield* ApiError.refuse("failed-precondition", message, "subnet.gateway")
    }
  }
  if (id === "0") return
  const [outside] = yield* client.query<Described>(outsideSql, [id, subnet.cidr])
  if (outside !== undefined) {
    const message = `the reservation ${describe(outside)} would be outside: remove or move it first`
    return yield* ApiError.refuse("failed-precondition", message, "subnet.cidr")
  }
  const [renamed] = yield* client.query<{ name: string; mac: string; other: string; subnet: string }>(
    renamedSql,
    [id, subnet.domain]
  )
  if (renamed !== undefined) {
    const message =
      `${renamed.mac} of this subnet and ${renamed.other} of ${renamed.subnet} would both be ${renamed.name} in it`
    return yield* ApiError.refuse("failed-precondition", message, "subnet.domain")
  }
})
