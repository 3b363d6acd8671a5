/**
 * How full subnets are, in SQL, as ranges of numbers: a /8 costs no more than what is taken of it. The next free address
 * costs less, because the database looks for it in the order of the indexes (`next_free_address`).
 */
import type { SubnetSettings } from "../model.ts"

/** Servers that said who holds an address, found by skipping through an index that begins with them. */
export const heard = `
  heard (server) AS (
    (SELECT server FROM address_history ORDER BY server LIMIT 1)
    UNION ALL
    SELECT (SELECT h.server FROM address_history h WHERE h.server > heard.server ORDER BY h.server LIMIT 1)
    FROM heard WHERE heard.server IS NOT NULL
  )`

/** Whether anything says which addresses are not to be given out: else the DHCP server's own might be. */
export const isBounded = (
  { excluded, gateway, range }: Pick<SubnetSettings, "excluded" | "gateway" | "range">
): boolean => gateway !== undefined || range !== undefined || excluded.length > 0

const number = (address: string) => `(${address} - '0.0.0.0'::inet)`
const one = (address: string) => `int8range(${number(address)}, ${number(address)} + 1)`
const ranges = (expression: string) => `coalesce(range_agg(${expression}), '{}'::int8multirange)`

/**
 * Common table expressions that end in `measured`: of each subnet `s` that meets the condition, how many addresses are reserved
 * and leased, and which are free. A gateway and DNS servers are not free.
 */
export const measuredOf = (condition: string) =>
  `${heard},
  bounds AS (
    SELECT s.*, set_masklen(network(s.cidr)::inet, 32) AS lowest, set_masklen(broadcast(s.cidr), 32) AS highest
    FROM subnets s WHERE ${condition}
  ),
  measured AS (
    SELECT b.id, ${number("b.highest")} - ${number("b.lowest")} - 1 AS addresses,
      reserved.number AS reserved, reserved.automatic, leased.number AS leased,
      int8multirange(int8range(${number("b.lowest")} + 1, ${number("b.highest")}))
        - reserved.ranges - leased.ranges - excluded.ranges - fixed.ranges AS free
    FROM bounds b
    CROSS JOIN LATERAL (
      SELECT count(*) AS number, count(*) FILTER (WHERE r.source = 'auto') AS automatic, ${
    ranges(one("r.address"))
  } AS ranges
      FROM reservations r WHERE r.address BETWEEN b.lowest AND b.highest AND r.also_of IS NULL
    ) AS reserved
    CROSS JOIN LATERAL (
      SELECT count(*) AS number, ${ranges(one("held.address"))} AS ranges
      FROM (
        SELECT y.address FROM systems y WHERE y.address BETWEEN b.lowest AND b.highest
        UNION
        SELECT h.address FROM heard JOIN address_history h ON h.server = heard.server
        WHERE h.address BETWEEN b.lowest AND b.highest AND coalesce(upper(h.during), 'infinity'::timestamptz) = 'infinity'
      ) AS held
    ) AS leased
    CROSS JOIN LATERAL (
      SELECT ${ranges(`int8range(${number("e.first")}, ${number("e.last")} + 1)`)} AS ranges
      FROM subnet_exclusions e WHERE e.subnet_id = b.id
    ) AS excluded
    CROSS JOIN LATERAL (
      SELECT ${ranges(one("f.address"))} AS ranges FROM unnest(b.gateway || b.dns_servers) AS f (address)
      WHERE f.address IS NOT NULL
    ) AS fixed
  )`

const measuredSql = `WITH RECURSIVE ${measuredOf("s.id = ANY ($1::bigint[])")}`

/** The next free address of the subnet $1 that nobody was told, from $2 on where it is known that none before is free. */
export const nextSql = "SELECT host(next_free_address($1::bigint, $2::inet)) AS address"

/** The same, where somebody may have been faster since a search found $2. */
const againSql = "coalesce(next_free_address($1::bigint, $2::inet), next_free_address($1::bigint))"
export const takeSql = `SELECT host(${againSql}) AS address`

/** Tells an address, and nobody else it for a minute. */
export const holdSql = `
  WITH found AS MATERIALIZED (SELECT ${againSql} AS address)
  INSERT INTO address_holds AS h (address, subnet_id, until)
  SELECT f.address, $1::bigint, clock_timestamp() + interval '1 minute' FROM found f WHERE f.address IS NOT NULL
  ON CONFLICT (address) DO UPDATE SET subnet_id = excluded.subnet_id, until = excluded.until
  RETURNING host(address) AS address, iso_timestamp(until) AS until`

/** Until when an address that is told now is held. */
export const untilSql = "SELECT iso_timestamp(clock_timestamp() + interval '1 minute') AS until"

export const expireSql = "DELETE FROM address_holds WHERE subnet_id = $1::bigint AND until <= clock_timestamp()"

/** Whoever looks for a free address of a subnet does it alone; reservations and events are not held up. */
export const lockSql = "SELECT FROM subnets WHERE id = $1 FOR NO KEY UPDATE"

export const utilisationSql = `${measuredSql}
  SELECT id::text, addresses::int8, reserved::int8, automatic::int8, leased::int8,
    (SELECT coalesce(sum(upper(f) - lower(f)), 0) FROM unnest(m.free) AS f)::int8 AS free
  FROM measured m`
