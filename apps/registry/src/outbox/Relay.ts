/**
 * Publishes the outbox to `DISCOVERY`, in the order of the commits, and forgets what JetStream has stored.
 *
 * One relay at a time among all replicas. A fact that is sent twice has the same id (`outbox-<id>`), and is stored once.
 */
import { attemptNats, type Client, Nats, Postgres } from "@leasehold/runtime"
import { headers, type NatsConnection } from "@nats-io/transport-node"
import { Cause, Context, Effect, Latch, Layer, Metric, Result, Stream } from "effect"
import { makeOutage } from "../Outage.ts"
import { type Publication, publishInOrder } from "./publishInOrder.ts"

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
      const awake = yield* Latch.make(true)
      const connected = yield* Latch.make(true)
      const disconnected = yield* Latch.make(false)
      yield* Stream.fromAsyncIterable(connection.status(), (cause) => cause).pipe(
        Stream.runForEach(({ type }) =>
          type === "disconnect"
            ? Effect.andThen(connected.close, disconnected.open)
            : type === "reconnect"
            ? Effect.andThen(disconnected.close, connected.open)
            : Effect.void
        ),
        Effect.ignore,
        Effect.forkScoped
      )
      const lost = disconnected.await.pipe(Effect.andThen(refuse("the connection was lost")))
      /** Nothing up to this id is left: rows that were deleted need not be looked through again. */
      let done = "0"
      const pass = Effect.flatMap(
        Effect.raceFirst(postgres.transaction((transaction) => relay(transaction, connection, done)), lost),
        ({ last, more, problem }) => {
          done = last ?? done
          return problem === undefined ? Effect.succeed(more) : refuse(problem)
        }
      )
      const outage = makeOutage("facts cannot be relayed")
      yield* connected.await.pipe(
        Effect.andThen(awake.await),
        Effect.andThen(awake.close),
        Effect.andThen(Effect.repeat(pass, { while: (more) => more })),
        Effect.andThen(outage.over),
        Effect.catchCauseIf(
          (cause) => !Cause.hasInterruptsOnly(cause),
          (cause) =>
            outage.because(Cause.squash(cause)).pipe(
              Effect.andThen(Effect.sleep("500 millis")),
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
const relay = Effect.fnUntraced(function*(transaction: Client, connection: NatsConnection, done: string) {
  const [, rows] = yield* Effect.all([
    transaction.query(lockSql, [], "relay-lock"),
    transaction.query<Row>(nextSql, [done], "relay-next")
  ], { concurrency: 2 })
  const { problem, stored } = yield* attemptNats(
    "publish facts",
    () => publishInOrder(connection, rows.map(publicationOf))
  )
  if (stored > 0) {
    yield* transaction.query(forgetSql, [rows.slice(0, stored).map(({ id }) => id)], "relay-forget")
    yield* Metric.update(published, stored)
  }
  return { last: rows[stored - 1]?.id, more: rows.length === passSize, problem }
})

const refuse = (problem: string) => attemptNats("publish facts", () => Promise.reject<never>(new Error(problem)))

const publicationOf = ({ at, body, id, subject, type }: Row): Publication => {
  const about = headers()
  about.set("Nats-Msg-Id", `outbox-${id}`)
  about.set("ce-id", `outbox-${id}`)
  about.set("ce-source", "/leasehold/registry")
  about.set("ce-type", `leasehold.discovery.v1.${type}`)
  about.set("ce-specversion", "1.0")
  about.set("ce-time", at)
  about.set("content-type", "application/json")
  return { subject, body, headers: about }
}
