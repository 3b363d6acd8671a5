/** The DHCP servers: what their files should show, and what became of them. */
import { Postgres } from "@leasehold/runtime"
import { Context, Effect, Layer, Schema, type Stream } from "effect"
import { ApiError } from "../api/ApiError.ts"
import { hostLines } from "./Servers/hostLines.ts"

const Server = Schema.Struct({
  server: Schema.String,
  wanted: Schema.String,
  applied: Schema.NullOr(Schema.String),
  applied_at: Schema.NullOr(Schema.String),
  applied_reservations: Schema.NullOr(Schema.Int),
  applied_hash: Schema.NullOr(Schema.String),
  attempted: Schema.NullOr(Schema.String),
  attempted_at: Schema.NullOr(Schema.String),
  result: Schema.NullOr(Schema.Literals(["applied", "failed"])),
  error: Schema.NullOr(Schema.String),
  subnets: Schema.Array(Schema.String),
  last_event_at: Schema.NullOr(Schema.String)
})
export type Server = typeof Server.Type
const decodeServers = Schema.decodeUnknownEffect(Schema.Array(Server))

// Systems know where they were heard last: each server's latest is looked for among all of them, once.
const serversSql = `
  SELECT d.server, d.wanted_generation::text AS wanted, d.applied_generation::text AS applied,
    iso_timestamp(d.applied_at) AS applied_at, d.applied_reservations, d.applied_hash,
    d.attempted_generation::text AS attempted, iso_timestamp(d.attempted_at) AS attempted_at, d.result, d.error,
    ARRAY(SELECT s.cidr::text FROM subnet_servers a JOIN subnets s ON s.id = a.subnet_id
      WHERE a.server = d.server ORDER BY s.cidr) AS subnets,
    iso_timestamp(heard.at) AS last_event_at
  FROM dhcp_servers d
  LEFT JOIN (SELECT y.server, max(y.last_seen) AS at FROM systems y WHERE $1::text IS NULL OR y.server = $1 GROUP BY y.server)
    AS heard USING (server)
  WHERE $1::text IS NULL OR d.server = $1
  ORDER BY d.server`

export class Servers extends Context.Service<Servers, {
  readonly list: Effect.Effect<ReadonlyArray<Server>>
  get(server: string): Effect.Effect<Server, ApiError>
  /** The lines that the server's file would have now, up to a thousand at a time. Read page by page, as they are asked for. */
  hosts(server: string): Stream.Stream<ReadonlyArray<string>, ApiError>
}>()("registry/ipam/Servers") {
  static readonly layer = Layer.effect(
    Servers,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const load = (server: string | null) =>
        Effect.orDie(Effect.flatMap(postgres.query(serversSql, [server]), decodeServers))

      const get = Effect.fn("Servers.get")(function*(name: string) {
        const [server] = yield* load(name)
        if (server !== undefined) return server
        const known = (yield* load(null)).slice(0, 5).map(({ server }) => server)
        const hint = known.length === 0 ? "there is none yet: assign one to a subnet" : `there are ${known.join(", ")}`
        return yield* ApiError.refuse("not-found", `no such server; ${hint}`, "server")
      })

      return Servers.of({
        list: Effect.withSpan(load(null), "Servers.list"),
        get,
        hosts: (server) => hostLines(postgres, Effect.asVoid(get(server)), server)
      })
    })
  )
}
