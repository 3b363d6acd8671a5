/** Subnets as PostgreSQL has them, and how one is found by what a person calls it. */
import { Ipv4, ServerId } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import { Effect, Option, Schema } from "effect"
import { ApiError } from "../../api/ApiError.ts"
import { type LeaseTime, longestLease, parseNetwork } from "../fields.ts"
import type { Subnet, SubnetSettings, Utilisation } from "../model.ts"
import { utilisationSql } from "./free.ts"

const Range = Schema.Struct({ first: Ipv4, last: Ipv4 })
const Row = Schema.Struct({
  id: Schema.String,
  cidr: Schema.String,
  name: Schema.String,
  policy: Schema.Literals(["auto", "manual"]),
  range_first: Schema.NullOr(Ipv4),
  range_last: Schema.NullOr(Ipv4),
  gateway: Schema.NullOr(Ipv4),
  dns_servers: Schema.Array(Ipv4),
  domain: Schema.String,
  lease_seconds: Schema.NullOr(Schema.Finite),
  servers: Schema.Array(ServerId),
  excluded: Schema.Array(Range),
  reserve_randomised: Schema.Boolean,
  keep_seconds: Schema.Finite,
  auto_share: Schema.Finite,
  comment: Schema.NullOr(Schema.String)
})
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(Row))

export type StoredSubnet = SubnetSettings & { readonly id: string }

export const leaseTimeOf = (seconds: number | null): LeaseTime | undefined => {
  if (seconds === null) return undefined
  return seconds > longestLease ? "infinite" : seconds
}

/** What is written for it: `infinity` as an interval is unknown to older servers. */
export const secondsOf = (leaseTime: LeaseTime | undefined): number | null => {
  if (leaseTime === undefined) return null
  return leaseTime === "infinite" ? longestLease + 1 : leaseTime
}

const stored = (row: typeof Row.Type): StoredSubnet => ({
  id: row.id,
  cidr: row.cidr,
  name: row.name,
  policy: row.policy,
  range: row.range_first === null || row.range_last === null
    ? undefined
    : { first: row.range_first, last: row.range_last },
  gateway: row.gateway ?? undefined,
  dnsServers: row.dns_servers,
  domain: row.domain,
  leaseTime: leaseTimeOf(row.lease_seconds),
  servers: row.servers,
  excluded: row.excluded,
  reserveRandomised: row.reserve_randomised,
  autoKeep: row.keep_seconds,
  autoShare: row.auto_share,
  comment: row.comment ?? ""
})

const columns = `
  s.id::text, s.cidr::text, s.name, s.policy, host(s.range_first) AS range_first, host(s.range_last) AS range_last,
  host(s.gateway) AS gateway, ARRAY(SELECT host(d) FROM unnest(s.dns_servers) AS d) AS dns_servers, s.domain,
  CASE WHEN s.lease_time IS NOT NULL
    THEN least(extract(epoch FROM s.lease_time), 2147483648) END::float8 AS lease_seconds,
  ARRAY(SELECT a.server FROM subnet_servers a WHERE a.subnet_id = s.id ORDER BY a.server) AS servers,
  coalesce((SELECT jsonb_agg(jsonb_build_object('first', host(e.first), 'last', host(e.last)) ORDER BY e.first)
    FROM subnet_exclusions e WHERE e.subnet_id = s.id), '[]') AS excluded,
  s.reserve_randomised, least(extract(epoch FROM s.auto_keep), 2147483647)::float8 AS keep_seconds, s.auto_share::text::float8 AS auto_share,
  s.comment`

export const loadSubnets = Effect.fnUntraced(function*(
  client: Client,
  condition: string,
  values: ReadonlyArray<unknown>,
  rest = "ORDER BY s.cidr"
) {
  const rows = yield* client.query(`SELECT ${columns} FROM subnets s WHERE ${condition} ${rest}`, values)
  return (yield* Effect.orDie(decodeRows(rows))).map(stored)
})

const Measure = Schema.Struct({
  id: Schema.String,
  addresses: Schema.FiniteFromString,
  reserved: Schema.FiniteFromString,
  automatic: Schema.FiniteFromString,
  leased: Schema.FiniteFromString,
  free: Schema.FiniteFromString
})
const decodeMeasures = Schema.decodeUnknownEffect(Schema.Array(Measure))
const nothing: Utilisation = { addresses: 0, reserved: 0, automatic: 0, leased: 0, free: 0 }

/** Before anybody counted. */
export const uncounted = (subnet: StoredSubnet): Subnet => ({ ...subnet, utilisation: nothing })

/** The subnets with how full they are, which is asked for all of them at once. */
export const withUtilisation = Effect.fnUntraced(
  function*(client: Client, subnets: ReadonlyArray<StoredSubnet>) {
    const rows = yield* client.query(utilisationSql, [subnets.map(({ id }) => id)])
    const measures = new Map((yield* Effect.orDie(decodeMeasures(rows))).map(({ id, ...measure }) => [id, measure]))
    return subnets.map((subnet): Subnet => ({ ...subnet, utilisation: measures.get(subnet.id) ?? nothing }))
  }
)

const decodeAddress = Schema.decodeUnknownOption(Ipv4)

/** The subnet of that CIDR or name; with `inside`, that of the address too. The CIDR counts before the name. */
export const findSubnet = Effect.fnUntraced(
  function*(client: Client, field: string, key: string, inside: boolean) {
    if (key === "") {
      return yield* ApiError.invalid(field, inside ? "a CIDR, a name or an address" : "a CIDR or a name", key)
    }
    const network = parseNetwork(key)
    const address = inside && Option.isSome(decodeAddress(key)) ? key : null
    const [found] = yield* loadSubnets(
      client,
      "s.cidr = $1::cidr OR s.name = $2 OR s.cidr >>= $3::inet",
      [network?.cidr ?? null, key, address],
      "ORDER BY (s.cidr = $1::cidr) DESC NULLS LAST, (s.name = $2) DESC LIMIT 1"
    )
    if (found !== undefined) return found
    const known = yield* loadSubnets(client, "true", [], "ORDER BY s.cidr LIMIT 6")
    return yield* ApiError.refuse("not-found", `no such subnet; ${listed(known)}`, field)
  }
)

/** What there is, for somebody who asked for something else. */
export const listed = (subnets: ReadonlyArray<StoredSubnet>): string =>
  subnets.length === 0
    ? "there is none yet: create one first"
    : `there are ${subnets.slice(0, 5).map(({ cidr, name }) => cidr === name ? cidr : `${cidr} ${name}`).join(", ")}${
      subnets.length > 5 ? ", …" : ""
    }`
