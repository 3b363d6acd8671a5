/** The questions of a review, in SQL: each row is a finding, with its subject and what is the matter with it. */
import { heard, measuredOf } from "../Subnets/free.ts"

interface Question {
  readonly severity: "error" | "note" | "warning"
  /** Stable, for scripts. */
  readonly code: string
  readonly sql: string
  readonly advice: string
}

const host = "coalesce(r.name, r.mac::text)"

// A subnet with fewer free addresses than a tenth of what it has.
const fullness = (condition: string) => `
  WITH RECURSIVE ${measuredOf("true")}
  SELECT s.cidr::text, f.free || ' of ' || m.addresses || ' addresses are free'
  FROM measured m JOIN subnets s USING (id)
  CROSS JOIN LATERAL (SELECT coalesce(sum(upper(f) - lower(f)), 0) AS free FROM unnest(m.free) AS f) AS f
  WHERE ${condition} ORDER BY s.cidr`

export const questions: ReadonlyArray<Question> = [
  {
    severity: "error",
    code: "server-failed",
    sql:
      `SELECT server, 'generation ' || attempted_generation || ' failed at ' || iso_timestamp(attempted_at) || ': ' || error
      FROM dhcp_servers WHERE result = 'failed' ORDER BY server`,
    advice: "Mend what the error says; the renderer tries again by itself."
  },
  {
    severity: "error",
    code: "server-behind",
    sql: `SELECT server, 'generation ' || wanted_generation || ' has been wanted since ' || iso_timestamp(wanted_since)
        || CASE WHEN applied_generation IS NULL THEN '; none was ever applied' ELSE '; ' || applied_generation || ' is applied' END
      FROM dhcp_servers
      WHERE applied_generation IS DISTINCT FROM wanted_generation AND wanted_since < now() - interval '5 minutes'
        AND (applied_at IS NULL OR applied_at < now() - interval '5 minutes')
        AND EXISTS (SELECT FROM subnet_servers a WHERE a.server = dhcp_servers.server)
      ORDER BY server`,
    advice: "Look whether the renderer of this server runs and reaches PostgreSQL."
  },
  {
    severity: "error",
    code: "subnet-full",
    sql: fullness("f.free = 0"),
    advice: "Remove reservations that nobody needs, or make a larger subnet."
  },
  {
    severity: "warning",
    code: "subnet-nearly-full",
    sql: fullness("f.free > 0 AND f.free * 10 < m.addresses"),
    advice: "Remove reservations that nobody needs, or make a larger subnet."
  },
  {
    severity: "warning",
    code: "reservation-address-held",
    sql: `SELECT host(r.address), ${host} || ' has it reserved, and ' || y.mac || ' (' || y.name || ') holds it'
      FROM reservations r JOIN systems y ON y.address = r.address
      WHERE r.also_of IS NULL AND NOT EXISTS (
        SELECT FROM reservations m WHERE (m.id = r.id OR m.also_of = r.id) AND m.mac = y.mac)
      ORDER BY r.address`,
    advice: "Wait until the lease ends, or release it at the DHCP server."
  },
  {
    severity: "warning",
    code: "subnet-without-server",
    sql: `SELECT s.cidr::text, count(*) || ' enabled reservations are in no file: no server serves the subnet'
      FROM subnets s JOIN reservations r ON r.subnet_id = s.id AND r.enabled AND r.also_of IS NULL
      WHERE NOT EXISTS (SELECT FROM subnet_servers a WHERE a.subnet_id = s.id)
      GROUP BY s.cidr ORDER BY s.cidr`,
    advice: "Say which servers serve the subnet."
  },
  {
    severity: "warning",
    code: "events-lost",
    sql:
      `SELECT server, count(*) || ' gaps in the last day, ' || coalesce(sum(lost) || ' events', 'an unknown number of events')
        || ' lost, the latest at ' || iso_timestamp(max(at)) || ': ' || (array_agg(reason ORDER BY at DESC))[1]
      FROM gaps WHERE at > now() - interval '1 day' GROUP BY server ORDER BY server`,
    advice: "Look at the ingest of this server; what clients hold is right again after their next renewal."
  },
  {
    severity: "warning",
    code: "name-held-by-another",
    sql: `SELECT r.name, 'it is reserved for ' || r.mac || ', and ' || y.mac || ' is called so'
      FROM reservations r JOIN systems y ON y.name = r.name
      WHERE r.also_of IS NULL AND NOT EXISTS (
        SELECT FROM reservations m WHERE m.name = r.name AND m.mac = y.mac)
      ORDER BY r.name, r.mac`,
    advice: "Rename the one or the other."
  },
  {
    severity: "warning",
    code: "server-without-subnet",
    sql: `WITH RECURSIVE ${heard}
      SELECT k.server, 'it serves no subnet' || CASE WHEN k.heard THEN ', and tells of leases' ELSE '' END
      FROM (
        SELECT server, bool_or(heard) AS heard FROM (
          SELECT server, true AS heard FROM heard WHERE server IS NOT NULL
          UNION ALL SELECT server, false FROM dhcp_servers
        ) AS every GROUP BY server
      ) AS k
      WHERE NOT EXISTS (SELECT FROM subnet_servers a WHERE a.server = k.server) ORDER BY k.server`,
    advice: "Add it to the subnets that it serves, or create them."
  },
  {
    severity: "note",
    code: "reservation-in-range",
    sql: `SELECT host(r.address), ${host} || ' is inside the dynamic range of ' || s.cidr
      FROM reservations r JOIN subnets s ON s.id = r.subnet_id AND r.address BETWEEN s.range_first AND s.range_last
      WHERE r.also_of IS NULL AND r.source <> 'auto' ORDER BY r.address`,
    advice: "dnsmasq keeps the address for it; outside the range it could never be leased to another."
  },
  {
    severity: "note",
    code: "subnet-without-range",
    sql: "SELECT cidr::text, name || ' has no dynamic range' FROM subnets WHERE range_first IS NULL ORDER BY cidr",
    advice: "Say the range that dnsmasq hands out, so that next free addresses lie outside it."
  },
  {
    severity: "note",
    code: "reservation-of-blocked",
    sql: `SELECT r.mac::text, ${host} || ' has a reservation, and is blocked'
      FROM reservations r JOIN systems y ON y.mac = r.mac AND y.state = 'blocked' ORDER BY r.mac, r.id`,
    advice: "Remove the reservation, or unblock the system."
  },
  {
    severity: "note",
    code: "address-outside-subnets",
    // CASE and not AND: PostgreSQL may ask the second half first, which fails for an IPv6 address.
    sql: `SELECT network(set_masklen(y.address, 24))::text, count(*) || ' systems hold addresses of no subnet, such as '
        || min(host(y.address))
      FROM systems y
      WHERE CASE family(y.address) WHEN 4 THEN NOT coalesce((y.address - '0.0.0.0'::inet) <@ (
        SELECT range_agg(int8range(network(s.cidr)::inet - '0.0.0.0'::inet, broadcast(s.cidr) - '0.0.0.0'::inet + 1)) FROM subnets s
      ), false) ELSE false END
      GROUP BY 1 ORDER BY 1`,
    advice: "Create the subnet, if it is yours."
  }
]
