/**
 * Publishes the outbox to `DISCOVERY`, in the order of the commits, and forgets what JetStream has stored.
 *
 * One relay at a time among all replicas, and all of a pass is sent in one go over one connection: where it breaks,
 * everything behind it fails too. A fact that is sent twice has the same id (`outbox-<id>`), and is stored once.
 */
import { attemptNats, type Client, Nats, Postgres } from "@leasehold/runtime"
import { jetstream, type JetStreamClient } from "@nats-io/jetstream"
import { headers } from "@nats-io/transport-node"
import { Cause, Context, Duration, Effect, Latch, Layer, Metric, Result, Stream } from "effect"

const published = Metric.counter("registry_facts_published_total", {
  description: "Facts that JetStream stored",
  incremental: true
})

const passSize = 500

interface Row {
  readonly id: string
  readonly subject: string
  readonly type: string
  readonly body: string
  readonly at: string
}

// When the server dies, a few facts may be sent again: that costs less than waiting for the disk each time.
const lockSql = "SELECT pg_advisory_xact_lock(7220002), set_config('synchronous_commit', 'off', true)"
const nextSql = `
  SELECT id, subject, type, body::text, iso_timestamp(at) AS at FROM outbox WHERE id > $1 ORDER BY id LIMIT ${passSize}`
const forgetSql = "DELETE FROM outbox WHERE id = ANY ($1::bigint[])"
const anySql = "SELECT FROM outbox LIMIT 1"

export class Relay extends Context.Service<Relay, {
  /** There is something in the outbox. */
  readonly wake: Effect.Effect<void>
  /** There may be something in the outbox. */
  readonly look: Effect.Effect<void>
}>()("registry/outbox/Relay") {
  static readonly layer = Layer.effect(
    Relay,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const { connection } = yield* Nats
      const client = jetstream(connection)
      const awake = yield* Latch.make(true)
      const bus = { connected: true }
      yield* Stream.fromAsyncIterable(connection.status(), (cause) => cause).pipe(
        Stream.runForEach(({ type }) => {
          if (type === "disconnect") bus.connected = false
          if (type === "reconnect") bus.connected = true
          return type === "reconnect" ? awake.open : Effect.void
        }),
        Effect.ignore,
        Effect.forkScoped
      )
      /** Nothing up to this id is left: rows that were deleted need not be looked through again. */
      let done = "0"
      const pass = postgres.transaction((transaction) => relay(transaction, client, done))
      const drain = Effect.gen(function*() {
        while (bus.connected) {
          const { failure, last, more } = yield* pass
          done = last ?? done
          if (failure !== undefined) return yield* failure
          if (!more) return
        }
      })
      yield* awake.await.pipe(
        Effect.andThen(awake.close),
        Effect.andThen(drain),
        Effect.catchCauseIf(
          (cause) => !Cause.hasInterruptsOnly(cause),
          (cause) =>
            Effect.logWarning("cannot relay facts, trying again", cause).pipe(
              Effect.andThen(Effect.sleep(Duration.seconds(1))),
              Effect.andThen(awake.open)
            )
        ),
        Effect.forever,
        Effect.forkScoped
      )
      return Relay.of({
        wake: Effect.asVoid(awake.open),
        look: Effect.flatMap(Effect.result(postgres.query(anySql)), (rows) => {
          if (Result.isFailure(rows) || rows.success.length === 0) return Effect.void
          done = "0"
          return Effect.asVoid(awake.open)
        })
      })
    })
  )
}

/** One pass: what was stored is forgotten, up to the first that was not. */
const relay = Effect.fnUntraced(function*(transaction: Client, client: JetStreamClient, done: string) {
  yield* transaction.query(lockSql)
  const rows = yield* transaction.query<Row>(nextSql, [done])
  const results = yield* attemptNats("publish facts", () => Promise.allSettled(rows.map((row) => publish(client, row))))
  const failed = results.findIndex(({ status }) => status === "rejected")
  const stored = failed < 0 ? rows : rows.slice(0, failed)
  if (stored.length > 0) {
    yield* transaction.query(forgetSql, [stored.map(({ id }) => id)])
    yield* Metric.update(published, stored.length)
  }
  const failure = results[failed]
  return {
    last: stored.at(-1)?.id,
    more: rows.length === passSize,
    failure: failure?.status === "rejected"
      ? attemptNats("publish facts", () => Promise.reject<never>(failure.reason))
      : undefined
  }
})

const publish = (client: JetStreamClient, { at, body, id, subject, type }: Row) => {
  const about = headers()
  about.set("ce-id", `outbox-${id}`)
  about.set("ce-source", "/leasehold/registry")
  about.set("ce-type", `leasehold.discovery.v1.${type}`)
  about.set("ce-specversion", "1.0")
  about.set("ce-time", at)
  about.set("content-type", "application/json")
  return client.publish(subject, body, { msgID: `outbox-${id}`, headers: about })
}
