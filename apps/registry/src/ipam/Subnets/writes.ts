/** Writes subnets with their servers and exclusions; only what differs, since each statement has consequences. */
import type { ServerId } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import { Effect } from "effect"
import type { AddressRange, SubnetSettings } from "../model.ts"
import { secondsOf } from "./rows.ts"

const columns =
  `cidr, name, policy, range_first, range_last, gateway, dns_servers, domain, lease_time, reserve_randomised,
  auto_keep, auto_share, comment`
const values =
  `$1::cidr, $2, $3, $4::inet, $5::inet, $6::inet, $7::inet[], $8, make_interval(secs => $9::float8), $10::boolean,
  make_interval(secs => $11::float8), $12::real, $13`
const insertSql = `INSERT INTO subnets (${columns}) VALUES (${values}) RETURNING id::text`
const updateSql = `UPDATE subnets SET (${columns}) = ROW (${values}) WHERE id = $14::bigint`

const row = (subnet: SubnetSettings): ReadonlyArray<unknown> => [
  subnet.cidr,
  subnet.name,
  subnet.policy,
  subnet.range?.first ?? null,
  subnet.range?.last ?? null,
  subnet.gateway ?? null,
  subnet.dnsServers,
  subnet.domain,
  secondsOf(subnet.leaseTime),
  subnet.reserveRandomised,
  subnet.autoKeep,
  subnet.autoShare,
  subnet.comment === "" ? null : subnet.comment
]

const knownSql = `
  INSERT INTO dhcp_servers (server) SELECT k.server FROM unnest($1::text[]) AS k (server)
  WHERE NOT EXISTS (SELECT FROM dhcp_servers d WHERE d.server = k.server)`
const assignSql = "INSERT INTO subnet_servers (subnet_id, server) SELECT $1::bigint, unnest($2::text[])"
const releaseSql = "DELETE FROM subnet_servers WHERE subnet_id = $1::bigint AND server = ANY ($2::text[])"
const excludeSql = `
  INSERT INTO subnet_exclusions (subnet_id, subnet, first, last)
  SELECT $1::bigint, $2::cidr, k.first, k.last FROM unnest($3::inet[], $4::inet[]) AS k (first, last)`
const includeSql = "DELETE FROM subnet_exclusions WHERE subnet_id = $1::bigint AND first = ANY ($2::inet[])"

const writeServers = Effect.fnUntraced(
  function*(client: Client, id: string, before: ReadonlyArray<ServerId>, after: ReadonlyArray<ServerId>) {
    const gone = before.filter((server) => !after.includes(server))
    const fresh = [...new Set(after)].filter((server) => !before.includes(server)).toSorted()
    if (gone.length > 0) yield* client.query(releaseSql, [id, gone])
    if (fresh.length === 0) return
    const [missing] = yield* client.query<{ count: number }>(
      "SELECT cardinality($1::text[]) - count(*)::int AS count FROM dhcp_servers WHERE server = ANY ($1::text[])",
      [fresh]
    )
    if ((missing?.count ?? 0) > 0) yield* client.query(knownSql, [fresh])
    yield* client.query(assignSql, [id, fresh])
  }
)

const same = (one: AddressRange) => (other: AddressRange) => one.first === other.first && one.last === other.last

const removeExclusions = (client: Client, id: string, gone: ReadonlyArray<AddressRange>) =>
  gone.length === 0 ? Effect.void : client.query(includeSql, [id, gone.map(({ first }) => first)])

const addExclusions = (client: Client, id: string, cidr: string, fresh: ReadonlyArray<AddressRange>) =>
  fresh.length === 0
    ? Effect.void
    : client.query(excludeSql, [id, cidr, fresh.map(({ first }) => first), fresh.map(({ last }) => last)])

/** Returns its id. */
export const insertSubnet = Effect.fnUntraced(function*(client: Client, subnet: SubnetSettings) {
  const rows = yield* client.query<{ id: string }>(insertSql, row(subnet))
  const { id } = yield* Effect.orDie(Effect.fromNullishOr(rows[0]))
  yield* addExclusions(client, id, subnet.cidr, subnet.excluded)
  yield* writeServers(client, id, [], subnet.servers)
  return id
})

export const updateSubnet = Effect.fnUntraced(
  function*(client: Client, id: string, before: SubnetSettings, after: SubnetSettings) {
    // Those that go first: the others follow the subnet's network.
    yield* removeExclusions(client, id, before.excluded.filter((range) => !after.excluded.some(same(range))))
    if (JSON.stringify(row(before)) !== JSON.stringify(row(after))) {
      yield* client.query(updateSql, [...row(after), id])
    }
    yield* addExclusions(
      client,
      id,
      after.cidr,
      after.excluded.filter((range) => !before.excluded.some(same(range)))
    )
    yield* writeServers(client, id, before.servers, after.servers)
  }
)
