/** What is read of the database for a file. */

/** Some lines of a subnet, joined. */
export interface LinesOfSubnet {
  readonly id: string
  readonly cidr: string
  /** Counts the pieces of a subnet in the order of their addresses. */
  readonly piece: number
  readonly rows: number
  readonly text: string
}

const seconds = "extract(epoch FROM coalesce(r.lease_time, s.lease_time))"

// As libs/dnsmasq formats it; what dnsmasq cannot count is for ever. (An infinite interval cannot become a bigint.)
const leaseTime = `CASE
  WHEN coalesce(r.lease_time, s.lease_time) IS NULL THEN ''
  WHEN ${seconds} > 2147483647 THEN ',infinite'
  ELSE ',' || CASE
    WHEN ${seconds}::bigint % 604800 = 0 THEN ${seconds}::bigint / 604800 || 'w'
    WHEN ${seconds}::bigint % 86400 = 0 THEN ${seconds}::bigint / 86400 || 'd'
    WHEN ${seconds}::bigint % 3600 = 0 THEN ${seconds}::bigint / 3600 || 'h'
    WHEN ${seconds}::bigint % 60 = 0 THEN ${seconds}::bigint / 60 || 'm'
    ELSE ${seconds}::bigint || 's' END
  END`

const blocked = "SELECT mac FROM systems WHERE state = 'blocked'"
const shared = "SELECT also_of FROM reservations WHERE also_of IS NOT NULL"

// Only what has an address and one MAC; an empty NOT IN costs nothing, and a long one a look into a hash.
// Pieces of 500 lines pass through the client without making it copy; a sort for each subnet is quicker than one for
// all of them, which does not fit into the memory of a sort; upper() in another collation than C takes long.
const lines = `
SELECT s.id::text AS id, s.cidr::text AS cidr, pieces.*
FROM subnet_servers a
JOIN subnets s ON s.id = a.subnet_id
CROSS JOIN LATERAL (
  SELECT piece, count(*)::int AS rows, string_agg(line, '') AS text
  FROM (
    SELECT ((row_number() OVER (ORDER BY r.address)) / 500)::int AS piece,
      $2 || upper(r.mac::text COLLATE "C") || ',' || host(r.address) || ',' || r.name || ${leaseTime} || E'\\n' AS line
    FROM reservations r
    WHERE r.subnet_id = s.id AND r.enabled AND r.address IS NOT NULL AND r.also_of IS NULL
      AND r.id NOT IN (${shared}) AND r.mac NOT IN (${blocked})
  ) AS one
  GROUP BY piece
) AS pieces
WHERE a.server = $1`

const rowOf = `
  s.id::text AS subnet, s.cidr::text AS cidr, r.id::text AS id, host(r.address) AS address, r.name, r.ignore,
  CASE WHEN ${seconds} > 2147483647 THEN 2147483648 ELSE ${seconds}::bigint END::text AS seconds,
  ARRAY(
    SELECT m.mac::text FROM reservations m
    WHERE (m.id = r.id OR m.also_of = r.id) AND m.enabled AND m.mac NOT IN (${blocked})
    ORDER BY m.also_of IS NOT NULL, m.mac
  ) AS macs`
const ordered = "ORDER BY s.cidr, r.address, r.mac, r.id"

// The reservations of a server that `lines` does not take.
const special = `
SELECT ${rowOf}
FROM subnet_servers a JOIN subnets s ON s.id = a.subnet_id JOIN reservations r ON r.subnet_id = s.id
WHERE a.server = $1 AND r.enabled AND r.also_of IS NULL
  AND r.id = ANY (ARRAY(${shared} UNION SELECT id FROM reservations WHERE address IS NULL))
${ordered}`

const rows = `
SELECT ${rowOf}
FROM reservations r JOIN subnets s ON s.id = r.subnet_id
WHERE s.id = $1 AND r.enabled AND r.also_of IS NULL AND r.address IS NOT NULL
${ordered}`

const blockedRows = `
SELECT '' AS subnet, '' AS cidr, b.mac::text AS id, NULL AS address, NULL AS name, true AS ignore, NULL AS seconds,
  ARRAY[b.mac::text] AS macs
FROM (${blocked}) AS b
ORDER BY b.mac`

export const queries = {
  wanted: "SELECT wanted_generation FROM dhcp_servers WHERE server = $1",
  lines,
  special,
  rows,
  blocked: blockedRows
} as const
