/**
 * Reserves for newcomers the address that they were seen to hold, where the subnet's policy is `auto`.
 *
 * Systems that have their reservation, and subnets with the policy `manual`, cost one question for the whole batch.
 */
import { isLocallyAdministered, type ServerId } from "@leasehold/events"
import type { Client, PostgresError } from "@leasehold/runtime"
import { Effect } from "effect"
import type { Place } from "../apply/foldEvents.ts"
import { timeOf } from "../apply/stamp.ts"
import { type Claim, Claims, type Reservation, type Settlement, type Subnet, type Unknowns } from "./Claims.ts"

/**
 * Claims in subnets with the policy `auto` by systems that have no reservation there, or one that was claimed later, as a
 * server of the subnet saw them: others have no say in it. Most systems have the one that they claim: these are found first, and the subnets are not looked at for them.
 */
const openClaimsSql = `
  SELECT s.id::text AS "subnetId", k.mac::text, host(k.address) AS address, iso_timestamp(k.at) AS at
  FROM (
    SELECT *
    FROM unnest($1::macaddr[], $2::inet[], $3::timestamptz[], $4::boolean[], $5::text[])
      AS k (mac, address, at, randomised, server)
    WHERE NOT EXISTS (
      SELECT FROM reservations r
      WHERE r.address = k.address AND r.mac = k.mac AND (r.source <> 'auto' OR r.observed_at <= k.at))
    OFFSET 0
  ) AS k
  JOIN subnets s ON s.cidr >>= k.address AND s.policy = 'auto' AND (s.reserve_randomised OR NOT k.randomised)
    AND k.at >= now() - s.auto_keep
  JOIN subnet_servers a ON a.subnet_id = s.id AND a.server = k.server
  WHERE NOT EXISTS (SELECT FROM systems y WHERE y.mac = k.mac AND y.state <> 'known') AND NOT EXISTS (
    SELECT FROM reservations r
    WHERE r.subnet_id = s.id AND r.mac = k.mac
      AND (r.source <> 'auto' OR (r.observed_at, host(r.address) COLLATE "C") <= (k.at, host(k.address) COLLATE "C")))`

const subnetsSql = `
  SELECT s.id::text, host(s.gateway) AS gateway, host(network(s.cidr)) AS network, host(broadcast(s.cidr)) AS broadcast,
    ceil(s.auto_share::text::numeric
      * coalesce(s.range_last - s.range_first + 1, broadcast(s.cidr) - network(s.cidr) - 1))::float8 AS room,
    coalesce(u.automatic, 0)::int AS automatic
  FROM subnets s LEFT JOIN subnet_usage u ON u.subnet_id = s.id
  WHERE s.id = ANY ($1::bigint[])`

const reservationsBy = (condition: string) => `
  SELECT r.subnet_id::text AS "subnetId", r.mac::text, coalesce(host(r.address), '') AS address,
    coalesce(iso_timestamp(r.observed_at), '') AS at, r.source <> 'auto' AS fixed
  FROM reservations r WHERE ${condition}`
const reservationsSql = `
  ${reservationsBy("r.mac = ANY ($1::macaddr[])")} UNION ${reservationsBy("r.address = ANY ($2::inet[])")}`

const laterClaimsSql = (who: string) => `
  SELECT s.id::text AS "subnetId", h.mac::text, host(h.address) AS address, iso_timestamp(lower(h.during)) AS at,
    s.reserve_randomised AS "reserveRandomised"
  FROM unnest($1::bigint[], $2::macaddr[], $3::inet[], $4::timestamptz[]) AS k (subnet_id, mac, address, at)
  JOIN subnets s ON s.id = k.subnet_id
  JOIN address_history h ON ${who} AND h.address <<= s.cidr AND lower(h.during) > k.at
    AND lower(h.during) >= now() - s.auto_keep
  JOIN subnet_servers a ON a.subnet_id = s.id AND a.server = h.server
  WHERE NOT EXISTS (SELECT FROM systems y WHERE y.mac = h.mac AND y.state <> 'known')`
const laterClaimsOfMacsSql = laterClaimsSql("h.mac = k.mac")
const laterClaimsOnAddressesSql = laterClaimsSql("h.address = k.address")

const removeSql = `
  DELETE FROM reservations r USING unnest($1::bigint[], $2::macaddr[]) AS k (subnet_id, mac)
  WHERE r.subnet_id = k.subnet_id AND r.mac = k.mac AND r.source = 'auto'`

const addSql = `
  INSERT INTO reservations (subnet_id, subnet, domain, mac, address, name, source, observed_at)
  SELECT n.id, n.cidr, n.domain, s.mac, k.address, s.name, 'auto', k.at
  FROM unnest($1::bigint[], $2::macaddr[], $3::inet[], $4::timestamptz[]) AS k (subnet_id, mac, address, at)
  JOIN subnets n ON n.id = k.subnet_id
  JOIN systems s ON s.mac = k.mac
  WHERE NOT EXISTS (SELECT FROM reservations o WHERE o.domain = n.domain AND o.name = s.name AND o.mac <> s.mac)
  ORDER BY k.at, k.mac`

const earlierSql = `
  UPDATE reservations r SET observed_at = k.at
  FROM unnest($1::bigint[], $2::macaddr[], $3::timestamptz[]) AS k (subnet_id, mac, at)
  WHERE r.subnet_id = k.subnet_id AND r.mac = k.mac AND r.source = 'auto'`

/** A claim as a server saw it, wherever the address is. */
interface Seen extends Omit<Claim, "subnetId"> {
  readonly server: ServerId
}

/** The first time in the batch that each server saw each MAC hold each IPv4 address. */
export const claimsOf = (places: Iterable<Place>): ReadonlyArray<Seen> => {
  const claims = new Map<string, Seen>()
  for (const { address, server, sightings } of places) {
    if (address.includes(":")) continue
    for (const { held, mac, stamp } of sightings) {
      const key = `${mac} ${address} ${server}`
      const before = claims.get(key)
      const at = timeOf(stamp)
      if (held && (before === undefined || at < before.at)) claims.set(key, { mac, address, at, server })
    }
  }
  return [...claims.values()]
}

/** Claims of the batch that are not settled yet: none of a system that has its reservation. */
export const loadOpenClaims = (client: Client, seen: ReadonlyArray<Seen>) =>
  seen.length === 0
    ? Effect.succeed([])
    : client.query<Claim>(openClaimsSql, [
      seen.map(({ mac }) => mac),
      seen.map(({ address }) => address),
      seen.map(({ at }) => at),
      seen.map(({ mac }) => isLocallyAdministered(mac)),
      seen.map(({ server }) => server)
    ], "open-claims")

/** The claims with what has to be known about them; most can be settled then. */
export const prepareClaims = Effect.fnUntraced(function*(client: Client, open: ReadonlyArray<Claim>) {
  const [subnets, reservations] = open.length === 0 ? [[], []] : yield* Effect.all([
    client.query<Subnet>(subnetsSql, [[...new Set(open.map(({ subnetId }) => subnetId))]], "subnets"),
    loadReservations(client, open)
  ], { concurrency: 2 })
  const claims = new Claims(subnets, open)
  claims.know(open, reservations)
  return claims
})

/** Follows whoever lost; to be run when the batch's history is written, because their other claims may be in it. */
export const settleRest = Effect.fnUntraced(function*(client: Client, claims: Claims, first: Unknowns) {
  for (let unknown: Unknowns | undefined = first; unknown !== undefined; unknown = claims.settle()) {
    claims.know(unknown.reservations, yield* loadReservations(client, unknown.reservations))
    claims.add(yield* loadLater(client, laterClaimsOfMacsSql, unknown.ofMacs))
    claims.add(yield* loadLater(client, laterClaimsOnAddressesSql, unknown.onAddresses))
  }
})

/** The statements, in the order in which they are to be run, when the systems are written. */
export const writeReservations = (
  client: Client,
  { added, earlier, removed }: Settlement
): ReadonlyArray<Effect.Effect<unknown, PostgresError>> => [
  ...(removed.length > 0 ? [client.query(removeSql, [ids(removed), macs(removed)])] : []),
  ...(added.length > 0
    ? [client.query(addSql, [ids(added), macs(added), addresses(added), times(added)], "add-reservations")]
    : []),
  ...(earlier.length > 0 ? [client.query(earlierSql, [ids(earlier), macs(earlier), times(earlier)])] : [])
]

const ids = (claims: ReadonlyArray<Claim>) => claims.map(({ subnetId }) => subnetId)
const macs = (claims: ReadonlyArray<Claim>) => claims.map(({ mac }) => mac)
const addresses = (claims: ReadonlyArray<Claim>) => claims.map(({ address }) => address)
const times = (claims: ReadonlyArray<Claim>) => claims.map(({ at }) => at)

const loadReservations = (client: Client, claims: ReadonlyArray<Claim>) =>
  claims.length === 0
    ? Effect.succeed([])
    : client.query<Reservation>(reservationsSql, [macs(claims), addresses(claims)], "reservations")

const loadLater = (client: Client, sql: string, claims: ReadonlyArray<Claim>) =>
  claims.length === 0
    ? Effect.succeed([])
    : Effect.map(
      client.query<Claim & { readonly reserveRandomised: boolean }>(
        sql,
        [ids(claims), macs(claims), addresses(claims), times(claims)]
      ),
      (rows) => rows.filter(({ mac, reserveRandomised }) => reserveRandomised || !isLocallyAdministered(mac))
    )
