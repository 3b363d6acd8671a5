/**
 * That no other renderer works for the same server of the same database: a lock in PostgreSQL, held by a connection of its
 * own, which PostgreSQL releases when this process ends, however it ends.
 *
 * Whoever lost the connection is not the one any more. So this is asked before anything that another might do as well.
 */
import { PostgresError } from "@leasehold/runtime"
import { Config, Context, Effect, Layer, Metric, Redacted, Ref, Schema } from "effect"
import { hostname } from "node:os"
import { pid } from "node:process"
import { setTimeout } from "node:timers/promises"
import pg from "pg"
import { oneLine } from "./Command.ts"
import { isServing } from "./metrics.ts"
import { RendererConfig } from "./RendererConfig.ts"
import { Wakes } from "./Wakes.ts"

export class NotAlone extends Schema.TaggedError<NotAlone>()("NotAlone", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

interface Session {
  readonly client: pg.Client
  /** PostgreSQL's process that has the lock for us; undefined while another renderer's has it. */
  readonly holder: number | undefined
}

interface Holder {
  readonly pid: number
  readonly user: string | null
  readonly address: string | null
  readonly name: string | null
  readonly since: string | null
}

const lockSql = "SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken, pg_backend_pid() AS backend"
const aliveSql = "SELECT pg_backend_pid() AS backend"
const holderSql = `
SELECT pid, a.usename AS "user", host(a.client_addr) AS address, a.application_name AS name, a.backend_start::text AS since
FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended($1, 0)`

// PostgreSQL notices within half a minute that the machine of a connection is gone.
const keepAlive = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"

/** What PostgreSQL does not show to another user is left out. */
const describe = ({ address, name, pid, since, user }: Holder): string =>
  [
    name === null ? "" : `${name}, `,
    `PostgreSQL session ${pid}`,
    user === null ? "" : ` of ${user}`,
    address === null ? "" : ` from ${address}`,
    since === null ? "" : ` since ${since}`
  ].join("")

export class SoleRenderer extends Context.Service<SoleRenderer, {
  /** Begins to be the one, or finds that it still is; true when it begins, and another may have been it until now. */
  readonly take: Effect.Effect<boolean, NotAlone | PostgresError>
  /** Fails when it is not, or not any more. */
  readonly check: Effect.Effect<void, NotAlone | PostgresError>
}>()("renderer/SoleRenderer") {
  static readonly layer = Layer.effect(
    SoleRenderer,
    Effect.gen(function*() {
      const connectionString = Redacted.value(yield* Config.Redacted("DATABASE_URL"))
      const { server } = yield* RendererConfig
      const wakes = yield* Wakes
      const lock = `leasehold renderer ${server}`
      const run = Effect.runForkWith(yield* Effect.context<never>())
      const session = yield* Ref.make<Session | undefined>(undefined)
      yield* Metric.update(isServing, 0)

      const close = Effect.fnUntraced(function*() {
        const before = yield* Ref.getAndSet(session, undefined)
        yield* Metric.update(isServing, 0)
        // One that does not answer is not waited for: the lock goes with the process at the latest.
        yield* Effect.promise(() =>
          Promise.race([before?.client.end().catch(() => undefined), setTimeout(1_000, undefined, { ref: false })])
        )
      })
      yield* Effect.addFinalizer(close)

      const attempt = <A>(operation: string, ask: (signal: AbortSignal) => Promise<A>) =>
        Effect.tryPromise({ try: ask, catch: (cause) => new PostgresError({ operation, cause }) })

      // As the user that logs in, not as its role: PostgreSQL shows a user where its other sessions come from.
      const open = attempt("connect", async (signal) => {
        const client = new pg.Client({
          connectionString,
          options: keepAlive,
          application_name: `leasehold-renderer ${pid}@${hostname()}`,
          connectionTimeoutMillis: 5_000,
          query_timeout: 10_000,
          keepAlive: true
        })
        client.on("error", () => undefined).once("end", () => void run(wakes.again))
        await client.connect()
        if (signal.aborted) await client.end()
        return client
      })

      const ask = Effect.fnUntraced(
        function*<Row extends object>(client: pg.Client, text: string, values: ReadonlyArray<unknown> = []) {
          const { rows } = yield* attempt("query", () => client.query<Row>(text, [...values]))
          return rows
        },
        Effect.tapError(close)
      )

      const check = Effect.gen(function*() {
        const now = yield* Ref.get(session)
        if (now?.holder !== undefined) {
          const [row] = yield* ask<{ backend: number }>(now.client, aliveSql)
          if (row?.backend === now.holder) return
        }
        return yield* new NotAlone({ reason: `the connection is lost by which this is the renderer of ${server}` })
      })

      const begin = Effect.gen(function*() {
        const client = (yield* Ref.get(session))?.client ?? (yield* open)
        yield* Ref.set(session, { client, holder: undefined })
        const [row] = yield* ask<{ taken: boolean; backend: number }>(client, lockSql, [lock])
        if (row?.taken === true) {
          yield* Ref.set(session, { client, holder: row.backend })
          yield* Metric.update(isServing, 1)
          return
        }
        const [holder] = yield* ask<Holder>(client, holderSql, [lock])
        const who = holder === undefined ? "it has just ended" : describe(holder)
        return yield* new NotAlone({ reason: oneLine(`another renderer serves ${server}: ${who}`) })
      })

      return SoleRenderer.of({
        check,
        take: Effect.gen(function*() {
          if ((yield* Effect.result(check))._tag === "Success") return false
          if ((yield* Ref.get(session))?.holder !== undefined) yield* close()
          yield* begin
          return true
        })
      })
    })
  )
}
