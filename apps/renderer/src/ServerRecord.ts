/**
 * This server's row of `dhcp_servers`: what its file should show, and what became of it.
 *
 * Each outcome is one UPDATE, from which the database makes the fact that is announced.
 */
import { Postgres, type PostgresError } from "@leasehold/runtime"
import { Context, Effect, Layer, Option } from "effect"
import { RendererConfig } from "./RendererConfig.ts"

export interface Recorded {
  readonly wanted: bigint
  readonly applied: Option.Option<{ readonly generation: bigint; readonly hash: string }>
  readonly result: string | null
}

export type Outcome =
  | {
    readonly _tag: "Applied"
    readonly generation: bigint
    readonly hash: string
    readonly reservations: number
    /** What is in use, but not as it was wanted. */
    readonly note: string | null
  }
  | { readonly _tag: "Failed"; readonly generation: bigint; readonly error: string }

interface Row {
  readonly wanted_generation: string
  readonly applied_generation: string | null
  readonly applied_hash: string | null
  readonly result: string | null
}

const select = `SELECT wanted_generation, applied_generation, applied_hash, result FROM dhcp_servers WHERE server = $1`
const insert = `INSERT INTO dhcp_servers (server) VALUES ($1) ON CONFLICT DO NOTHING`
const updateApplied = `
UPDATE dhcp_servers SET applied_generation = $2, applied_hash = $3, applied_reservations = $4, applied_at = now(),
  attempted_generation = $2, attempted_at = now(), result = 'applied', error = $5
WHERE server = $1`
const updateFailed = `
UPDATE dhcp_servers SET attempted_generation = $2, attempted_at = now(), result = 'failed', error = $3
WHERE server = $1`

export class ServerRecord extends Context.Service<ServerRecord, {
  /** Adds the row when there is none. */
  readonly read: Effect.Effect<Recorded, PostgresError>
  write(outcome: Outcome): Effect.Effect<void, PostgresError>
}>()("renderer/ServerRecord") {
  static readonly layer = Layer.effect(
    ServerRecord,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const { server } = yield* RendererConfig
      const find = postgres.query<Row>(select, [server])

      return ServerRecord.of({
        read: Effect.gen(function*() {
          const [found] = yield* find
          if (found === undefined) yield* postgres.query(insert, [server])
          const [row] = found === undefined ? yield* find : [found]
          const recorded: Recorded = {
            wanted: BigInt(row?.wanted_generation ?? 1),
            applied: row?.applied_hash == null
              ? Option.none()
              : Option.some({ generation: BigInt(row.applied_generation ?? 0), hash: row.applied_hash }),
            result: row?.result ?? null
          }
          return recorded
        }),
        write: (outcome) =>
          Effect.asVoid(
            outcome._tag === "Applied"
              ? postgres.query(updateApplied, [
                server,
                outcome.generation.toString(),
                outcome.hash,
                outcome.reservations,
                outcome.note
              ])
              : postgres.query(updateFailed, [server, outcome.generation.toString(), outcome.error])
          )
      })
    })
  )
}
