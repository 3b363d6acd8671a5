/** Naming policies as the database has them. */
import type { Client } from "@leasehold/runtime"
import { Effect } from "effect"
import { ApiError } from "../api/ApiError.ts"
import type { PolicyFields } from "./PolicyFields.ts"

export interface Policy extends PolicyFields {
  readonly id: string
  readonly subnetId: string | null
  /** CIDR; empty for the default policy. */
  readonly subnet: string
  readonly revision: string
  readonly updatedAt: string
}

const policiesSql = `
  SELECT p.id::text, p.subnet_id::text AS "subnetId", coalesce(s.cidr::text, '') AS subnet, p.pattern, p.forbidden,
    p.conflict, p.client_names AS "clientNames", coalesce(s.domain, p.domain) AS domain, p.revision::text,
    iso_timestamp(p.updated_at) AS "updatedAt"
  FROM naming_policies p LEFT JOIN subnets s ON s.id = p.subnet_id`
const allSql = `${policiesSql} ORDER BY s.cidr NULLS FIRST`
const oneSql = `${policiesSql} WHERE p.subnet_id IS NOT DISTINCT FROM $1::bigint`
const subnetSql = `
  SELECT id::text, cidr::text, domain FROM subnets WHERE cidr::text = $1 OR name = $1
  ORDER BY cidr::text = $1 DESC LIMIT 1`

/** The default policy first, the others in the order of their subnets. */
export const loadPolicies = (client: Client) => client.query<Policy>(allSql)

/** @param subnetId null for the default policy */
export const loadPolicy = (client: Client, subnetId: string | null) =>
  Effect.map(client.query<Policy>(oneSql, [subnetId]), ([policy]) => policy)

/** Never missing: it can be changed, not removed. */
export const loadDefault = (client: Client) =>
  Effect.flatMap(loadPolicy(client, null), (policy) => Effect.orDie(Effect.fromNullishOr(policy)))

export interface SubnetKey {
  readonly id: string
  readonly cidr: string
  readonly domain: string
}

/** By CIDR or name; undefined for the empty text, which means the default policy. */
export const findSubnet = Effect.fnUntraced(function*(client: Client, key: string, field: string) {
  if (key === "") return undefined
  const [subnet] = yield* client.query<SubnetKey>(subnetSql, [key])
  return subnet ?? (yield* ApiError.refuse("not-found", "no subnet has this CIDR or name", field))
})

const insertSql = `
  INSERT INTO naming_policies (subnet_id, pattern, forbidden, conflict, client_names)
  VALUES ($1::bigint, $2, $3::text[], $4, $5)`
const updateSql = `
  UPDATE naming_policies SET pattern = $2, forbidden = $3::text[], conflict = $4, client_names = $5,
    domain = CASE WHEN subnet_id IS NULL THEN $6 ELSE domain END
  WHERE id = $1::bigint
    AND (pattern, forbidden, conflict, client_names, CASE WHEN subnet_id IS NULL THEN domain ELSE $6 END)
      IS DISTINCT FROM ($2, $3::text[], $4, $5::boolean, $6)`
const domainSql = "UPDATE subnets SET domain = $2 WHERE id = $1::bigint AND domain <> $2"

/** Writes what differs, and nothing where nothing does. */
export const writePolicy = Effect.fnUntraced(
  function*(client: Client, before: Policy | undefined, subnet: SubnetKey | undefined, fields: PolicyFields) {
    const values = [fields.pattern, fields.forbidden, fields.conflict, fields.clientNames]
    // First, so that the policy's revision, which counts the subnet's domain too, is that of the whole change.
    if (subnet !== undefined && subnet.domain !== fields.domain)
      yield* client.query(domainSql, [subnet.id, fields.domain])
    if (before !== undefined) yield* client.query(updateSql, [before.id, ...values, fields.domain])
    else yield* client.query(insertSql, [subnet?.id ?? null, ...values])
  }
)

export const removePolicy = (client: Client, { id }: Policy) =>
  client.query("DELETE FROM naming_policies WHERE id = $1::bigint", [id])
