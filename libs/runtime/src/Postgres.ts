/**
 * PostgreSQL behind a pool, each connection under one role with the least rights, and NOTIFY through `pg-listen`.
 *
 * Types come as text where JavaScript has none: `int8`, `macaddr`, `inet`, `cidr`, ranges, and `timestamptz` (whose
 * microseconds a Date would lose).
 */
import { Cause, Config, Context, Effect, Layer, Queue, Redacted, Schema, Stream } from "effect"
import { setTimeout } from "node:timers/promises"
import pg from "pg"
import pgListen from "pg-listen"
import { explain } from "./explain.ts"

export class PostgresError extends Schema.TaggedError<PostgresError>()("PostgresError", {
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `${this.operation}: ${explain(this.cause)}`
  }
  /** SQLSTATE, where the server said one. */
  get code(): string | undefined {
    return this.cause instanceof pg.DatabaseError ? this.cause.code : undefined
  }
}

export interface Client {
  /**
   * Queries that are run at once are sent at once, and answered in their order. A statement with a name is prepared when it
   * is first used on a connection, and planned once: for those that run often.
   */
  query<Row extends object>(
    text: string,
    values?: ReadonlyArray<unknown>,
    name?: string
  ): Effect.Effect<ReadonlyArray<Row>, PostgresError>
}

/** What a listener hears: that it is connected (state must be read afresh: what was notified meanwhile is lost), or a payload. */
export type Heard = { readonly type: "connected" } | { readonly type: "notified"; readonly payload: string }

export class Postgres extends Context.Service<
  Postgres,
  Client & {
    /** Runs `use` in one transaction, on one connection; any failure or interruption rolls it back. */
    transaction<A, E, R>(
      use: (client: Client) => Effect.Effect<A, E, R>,
      mode?: string
    ): Effect.Effect<A, E | PostgresError, R>
    /** Hears a channel for ever, reconnecting. The buffer slides: a wake-up that is behind another says nothing more. */
    listen(channel: string): Stream.Stream<Heard>
  }
>()("runtime/Postgres") {
  /** `role` is what every connection becomes; the user of `DATABASE_URL` must be it or a member of it. */
  static readonly layer = (role: string, max = 5) =>
    Layer.effect(
      Postgres,
      Effect.gen(function*() {
        const connectionString = Redacted.value(yield* Config.Redacted("DATABASE_URL"))
        const options = {
          connectionString,
          options: `-c role=${role} -c TimeZone=UTC`,
          application_name: `leasehold-${role}`,
          query_timeout: 60_000,
          types
        }
        const pool = yield* Effect.acquireRelease(
          Effect.sync(() => {
            const pool = new pg.Pool({
              ...options,
              max,
              connectionTimeoutMillis: 5_000,
              keepAlive: true,
              pipeline: true
            })
            // An idle connection that breaks is replaced by the pool; without a listener its error would end the process.
            pool.on("error", () => undefined)
            return pool
          }),
          (pool) => Effect.promise(() => pool.end())
        )
        const query: Client["query"] = (text, values, name) =>
          run("query", () => pool.query(statement(text, values, name)))
        return Postgres.of({
          query,
          transaction: (use, mode = "") =>
            Effect.acquireUseRelease(
              Effect.tryPromise({
                // The pool listens only while a connection is idle; its queries tell that one broke meanwhile.
                try: async () => (await pool.connect()).on("error", ignore),
                catch: (cause) => new PostgresError({ operation: "connect", cause })
              }),
              (connection) => transact(connection, use, mode),
              // A connection whose transaction did not end well is not given to anybody else; it may still break.
              (connection, exit) =>
                Effect.sync(() =>
                  exit._tag === "Failure" ? connection.release(true) : connection.off("error", ignore).release()
                )
            ),
          listen: (channel) => listen(options, channel)
        })
      })
    )
}

const types = {
  getTypeParser: (oid: number, format?: "text" | "binary") => {
    const textual: ReadonlyArray<number> = [
      pg.types.builtins.TIMESTAMPTZ,
      pg.types.builtins.DATE,
      pg.types.builtins.INTERVAL
    ]
    return textual.includes(oid) ? (value: string) => value : pg.types.getTypeParser(oid, format ?? "text")
  }
}

const ignore = () => undefined

const statement = (
  text: string,
  values: ReadonlyArray<unknown> = [],
  name?: string
): pg.QueryConfig<Array<unknown>> => ({
  text,
  values: [...values],
  ...(name === undefined ? {} : { name })
})

const run = <Row extends object>(
  operation: string,
  query: () => Promise<pg.QueryResult<Row>>
): Effect.Effect<ReadonlyArray<Row>, PostgresError> =>
  Effect.map(
    Effect.tryPromise({ try: query, catch: (cause) => new PostgresError({ operation, cause }) }),
    (result) => result.rows
  )

const transact = <A, E, R>(connection: pg.PoolClient, use: (client: Client) => Effect.Effect<A, E, R>, mode: string) =>
  Effect.gen(function*() {
    yield* run("begin", () => connection.query(`BEGIN ${mode}`))
    const client: Client = {
      query: (text, values, name) => run("query", () => connection.query(statement(text, values, name)))
    }
    const result = yield* use(client)
    yield* run("commit", () => connection.query("COMMIT"))
    return result
  }).pipe(
    // Who is interrupted does not wait for an answer that may not come: the connection ends, and its transaction with it.
    Effect.onError((cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.ignore(run("rollback", () => connection.query("ROLLBACK")))
    )
  )

const listen = (options: pg.ClientConfig, channel: string): Stream.Stream<Heard> =>
  Stream.callback<Heard>(
    Effect.fnUntraced(function*(queue) {
      const { start } = yield* Effect.acquireRelease(
        Effect.sync(() => makeSubscriber(options, channel, (heard) => Queue.offerUnsafe(queue, heard))),
        ({ close }) => Effect.promise(close)
      )
      yield* Effect.tryPromise({ try: start, catch: (cause) => new PostgresError({ operation: "listen", cause }) })
        .pipe(
          Effect.catch(({ cause }) =>
            Effect.logWarning("cannot listen to postgres, trying again", { channel, error: explain(cause) })
          )
        )
    }),
    { bufferSize: 64, strategy: "sliding" }
  )

/**
 * One subscriber, however long it takes: `pg-listen` goes on by itself when the connection fails, the first one included,
 * and listens again to what it was told before it says "connected".
 */
const makeSubscriber = (options: pg.ClientConfig, channel: string, hear: (heard: Heard) => void) => {
  let isClosed = false
  let isStarted = false
  const subscriber = pgListen.default<Record<string, unknown>>(options, {
    paranoidChecking: 10_000,
    // Nothing else ends its attempts when it is closed while it makes them.
    retryInterval: () => {
      if (isClosed) throw new Error("the listener is closed")
      return 500
    },
    retryLimit: Number.POSITIVE_INFINITY,
    retryTimeout: Number.POSITIVE_INFINITY,
    parse: (payload) => payload,
    serialize: String
  })
  const close = () => {
    isClosed = true
    // A server that does not answer is not waited for.
    return Promise.race([subscriber.close().catch(() => undefined), setTimeout(1_000, undefined, { ref: false })])
  }
  subscriber.events.on("error", () => undefined)
  subscriber.events.on("connected", () => {
    if (isClosed) void close()
    else if (isStarted) hear({ type: "connected" })
  })
  subscriber.notifications.on(channel, (payload) => hear({ type: "notified", payload: String(payload) }))
  return {
    close,
    /** Resolves when it listens; rejects when it could not at once. */
    start: async () => {
      try {
        await Promise.all([subscriber.listenTo(channel), subscriber.connect()])
        hear({ type: "connected" })
      } finally {
        isStarted = true
      }
    }
  }
}
