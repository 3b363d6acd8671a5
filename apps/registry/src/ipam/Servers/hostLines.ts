/**
 * The lines of a server's file as its renderer would write them, in its order: blocked systems, what has no address, then
 * each subnet. Read in pages, each by its own look into the database, so that a slow reader holds up nobody.
 */
import { formatDhcpHost } from "@leasehold/dnsmasq"
import type { Client } from "@leasehold/runtime"
import { Effect, Option, Result, Stream } from "effect"
import type { ApiError } from "../../api/ApiError.ts"
import { longestLease } from "../fields.ts"

interface Row {
  readonly subnet: string
  readonly macs: ReadonlyArray<string>
  readonly address: string | null
  readonly name: string | null
  readonly ignore: boolean
  readonly seconds: number | null
  /** Where the next page begins. */
  readonly after: ReadonlyArray<string | null>
}

const size = 1_000

const blocked = "SELECT mac FROM systems WHERE state = 'blocked'"
const columns = `
  s.id::text AS subnet, ARRAY(
    SELECT m.mac::text FROM reservations m WHERE (m.id = r.id OR m.also_of = r.id) AND m.mac NOT IN (${blocked})
    ORDER BY m.also_of IS NOT NULL, m.mac
  ) AS macs, host(r.address) AS address, r.name, r.ignore,
  CASE WHEN coalesce(r.lease_time, s.lease_time) IS NOT NULL
    THEN least(extract(epoch FROM coalesce(r.lease_time, s.lease_time)), 2147483648) END::float8 AS seconds`
const served = `
  FROM subnet_servers a JOIN subnets s ON s.id = a.subnet_id JOIN reservations r ON r.subnet_id = s.id
  WHERE a.server = $1 AND r.enabled AND r.also_of IS NULL`
const shared = "EXISTS (SELECT FROM reservations m WHERE m.also_of = r.id)"

const phases: ReadonlyArray<{ readonly sql: string; readonly first: ReadonlyArray<string | null> }> = [
  {
    sql:
      `SELECT '' AS subnet, ARRAY[mac::text] AS macs, NULL AS address, NULL AS name, true AS ignore, NULL AS seconds, ARRAY[mac::text] AS after
      FROM (${blocked}) AS b WHERE $1 <> '' AND ($2::macaddr IS NULL OR mac > $2) ORDER BY mac LIMIT ${size}`,
    first: [null]
  },
  {
    sql: `SELECT ${columns}, ARRAY[s.cidr::text, r.mac::text] AS after ${served} AND r.address IS NULL
        AND ($2::cidr IS NULL OR (s.cidr, r.mac) > ($2, $3::macaddr))
      ORDER BY s.cidr, r.mac LIMIT ${size}`,
    first: [null, null]
  },
  {
    sql:
      `SELECT ${columns}, ARRAY[s.cidr::text, ${shared}::text, host(r.address)] AS after ${served} AND r.address IS NOT NULL
        AND ($2::cidr IS NULL OR s.cidr > $2 OR (s.cidr = $2 AND (${shared}, r.address) > ($3::boolean, $4::inet)))
      ORDER BY s.cidr, ${shared}, r.address LIMIT ${size}`,
    first: [null, null, null]
  }
]

const lastPhase = phases.length - 1

const lineOf = ({ address, ignore, macs: [mac = "", ...also], name, seconds }: Row) =>
  formatDhcpHost({
    mac,
    also,
    ...(address === null ? {} : { ip: address }),
    ...(name === null ? {} : { hostname: name }),
    ...(ignore
      ? { ignore }
      : seconds === null
      ? {}
      : { leaseTime: seconds > longestLease ? "infinite" : { seconds } })
  }, "hosts")

interface State {
  readonly phase: number
  readonly after: ReadonlyArray<string | null>
}

/** @param known fails where there is no such server */
export const hostLines = (
  client: Client,
  known: Effect.Effect<void, ApiError>,
  server: string
): Stream.Stream<ReadonlyArray<string>, ApiError> =>
  Stream.unwrap(Effect.map(known, () => {
    // A MAC has one line without an address at a server, and no other in the subnet of that line.
    const unaddressed = new Set<string>()
    const repeated = new Set<string>()
    const select = (rows: ReadonlyArray<Row>, phase: number): ReadonlyArray<string> =>
      rows.flatMap((row) => {
        const line = row.macs.length === 0 ? undefined : Result.getOrUndefined(lineOf(row))
        const places = row.macs.map((mac) => `${row.subnet} ${mac}`)
        if (line === undefined) return []
        if (phase === lastPhase) return places.some((place) => unaddressed.has(place)) ? [] : [line]
        const isRepeated = repeated.has(line)
        if (!isRepeated && row.macs.some((mac) => unaddressed.has(mac))) return []
        repeated.add(line)
        for (const one of [...row.macs, ...places]) unaddressed.add(one)
        return isRepeated ? [] : [line]
      })
    const initial: State = { phase: 0, after: phases[0]?.first ?? [] }
    return Stream.paginate(initial, ({ after, phase }) =>
      Effect.gen(function*() {
        const current = phases[phase]
        if (current === undefined) return [[], Option.none<State>()] as const
        const rows = yield* Effect.orDie(client.query<Row>(current.sql, [server, ...after]))
        const lines = select(rows, phase)
        const last = rows.at(-1)
        const next: State = rows.length === size && last !== undefined
          ? { phase, after: last.after }
          : { phase: phase + 1, after: phases[phase + 1]?.first ?? [] }
        return [
          lines.length === 0 ? [] : [lines],
          next.phase === phases.length ? Option.none<State>() : Option.some(next)
        ] as const
      }))
  }))
