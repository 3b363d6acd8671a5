/**
 * Changes that somebody decides: one transaction each, in the change log under who decided it, or rolled back where the
 * caller only wants to know what would happen.
 *
 * The database does the rest by triggers: facts, generations, the log. What it refuses comes back as an `ApiError`.
 */
import { type Client, Postgres, type PostgresError } from "@leasehold/runtime"
import { Context, Data, Effect, Layer, Semaphore } from "effect"
import type { ApiError } from "../api/ApiError.ts"
import type { Caller } from "../api/Caller.ts"
import { refusalOf } from "./refusals.ts"

export interface ChangeOptions {
  readonly caller: Caller
  /** In the change log: `host add`, `import`, `undo 17`. */
  readonly action: string
  /** Does everything, and takes it back. */
  readonly dryRun?: boolean
  /** Number of the change that this one takes back. */
  readonly undoes?: bigint
  /** Number of a change that this is a part of; 0 for one of its own. */
  readonly partOf?: bigint
}

export interface Changed<A> {
  readonly result: A
  /** Number of the change; 0 where nothing changed, and in a dry run. */
  readonly change: bigint
}

/** One writes, one waits for its turn; the others wait here, and leave the connections to who reads and to the events. */
const atOnce = 2

/** Ends a transaction that is only a trial. */
class Trial extends Data.TaggedError("Trial")<{}> {}

export class Administration extends Context.Service<Administration, {
  /**
   * Runs `use` in a transaction that holds the writer lock, so that what is read in it stays true to its end.
   * What PostgreSQL refuses fails with what the constraint means; a broken database is a defect.
   */
  change<A>(
    options: ChangeOptions,
    use: (client: Client) => Effect.Effect<A, ApiError | PostgresError>
  ): Effect.Effect<Changed<A>, ApiError>
}>()("registry/administration/Administration") {
  static readonly layer = Layer.effect(
    Administration,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const turns = yield* Semaphore.make(atOnce)
      const change = Effect.fn("Administration.change")(function*<A>(
        { action, caller, dryRun = false, partOf = 0n, undoes }: ChangeOptions,
        use: (client: Client) => Effect.Effect<A, ApiError | PostgresError>
      ) {
        const tried: Array<Changed<A>> = []
        return yield* postgres.transaction((client) =>
          Effect.gen(function*() {
            yield* client.query(beginSql, [
              caller.actor,
              action,
              undoes === undefined ? "" : String(undoes),
              partOf === 0n ? "" : String(partOf)
            ])
            const result = yield* use(client)
            // Now rather than at the commit: a trial has none.
            yield* client.query("SET CONSTRAINTS ALL IMMEDIATE")
            tried.push({ result, change: 0n })
            if (dryRun) return yield* new Trial()
            const [row] = yield* client.query<{ change: string }>(changeSql)
            return { result, change: BigInt(row?.change ?? 0) }
          })
        ).pipe(
          turns.withPermits(1),
          Effect.catchTags({
            Trial: () => Effect.orDie(Effect.fromNullishOr(tried[0])),
            PostgresError: (error) => {
              const refusal = refusalOf(error)
              return refusal === undefined ? Effect.die(error) : Effect.fail(refusal)
            }
          })
        )
      })
      return Administration.of({ change })
    })
  )
}

const beginSql = `
  SELECT take_writer_lock(), set_config('leasehold.actor', $1, true), set_config('leasehold.action', $2, true),
    set_config('leasehold.undoes', $3, true), set_config('leasehold.change', $4, true)`
const changeSql = "SELECT coalesce(nullif(current_setting('leasehold.change', true), ''), '0') AS change"
