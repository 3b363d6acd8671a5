/**
 * Takes events from the stream and has them applied: a message is acknowledged after the transaction that holds it
 * committed, and never lost.
 *
 * A batch is whatever has arrived while the one before it was written. PostgreSQL being away is waited for without end.
 * A message that the database refuses is found by applying its batch one at a time; it goes to `REJECTED`, the others on.
 */
import { DHCP, type DhcpEvent, Rejection, showActual } from "@leasehold/events"
import { attemptNats, Nats, PostgresError, untilAvailable } from "@leasehold/runtime"
import { AckPolicy, jetstream, type JetStreamClient, type JetStreamManager } from "@nats-io/jetstream"
import { nanos } from "@nats-io/transport-node"
import { Cause, Config, Duration, Effect, Layer, Metric, Result, Stream } from "effect"
import { type Applied, Applier } from "../apply/Applier.ts"
import { Relay } from "../outbox/Relay.ts"
import { acknowledge, type Delivery, giveBack, Inbox, terminate } from "./Inbox.ts"
import { reject } from "./reject.ts"

const name = "registry"

const messages = Metric.counter("registry_messages_total", {
  description: "Messages by what became of them",
  incremental: true
})
const messagesThatWere = (outcome: "applied" | "rejected" | "anonymous") => Metric.withAttributes(messages, { outcome })
const seconds = Metric.histogram("registry_batch_seconds", {
  description: "Time to apply a batch",
  boundaries: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2, 10]
})
const sizes = Metric.histogram("registry_batch_messages", {
  description: "Messages in a batch",
  boundaries: [1, 5, 20, 50, 100, 200, 500]
})

const ConsumerConfig = Config.all({
  batchMessages: Config.Int("BATCH_MESSAGES").pipe(Config.withDefault(500))
}).pipe(Config.nested("REGISTRY"))

/** What the data of a message can cause; everything else is the database's or the network's state, and passes. */
const isAboutData = (error: PostgresError): boolean => /^(?:21|22|23|54|P0)/u.test(error.code ?? "")

export const consumerLayer = Layer.effectDiscard(Effect.gen(function*() {
  const { batchMessages } = yield* ConsumerConfig
  const { connection, manager } = yield* Nats
  const applier = yield* Applier
  const relay = yield* Relay
  const client = jetstream(connection)
  yield* ensureConsumer(manager)
  const inbox = yield* Effect.acquireRelease(
    Effect.sync(() => new Inbox(connection, { stream: DHCP.name, consumer: name, capacity: batchMessages * 2 })),
    (inbox) =>
      Effect.promise(async () => {
        inbox.close()
        await Promise.race([connection.flush().catch(() => undefined), new Promise((done) => setTimeout(done, 500))])
      })
  )
  yield* Stream.fromAsyncIterable(connection.status(), (cause) => cause).pipe(
    Stream.runForEach((status) =>
      status.type === "reconnect"
        ? Effect.andThen(ensureConsumer(manager), Effect.sync(() => inbox.renew()))
        : Effect.void
    ),
    Effect.ignore,
    Effect.forkScoped
  )
  const apply = (events: ReadonlyArray<DhcpEvent>) =>
    applier.apply(events).pipe(
      Effect.tap(({ announced }) => announced ? relay.wake : Effect.void),
      Effect.tapError((error) =>
        isAboutData(error) ? Effect.void : Effect.logWarning("cannot write, trying again", error)
      ),
      Effect.retry({ schedule: untilAvailable, while: (error) => !isAboutData(error) })
    )
  const round = Effect.flatMap(inbox.take(batchMessages), (deliveries) =>
    settle(client, apply, deliveries).pipe(
      Effect.trackDuration(seconds, Duration.toSeconds),
      Effect.andThen(Metric.update(sizes, deliveries.length)),
      // Ended in the middle: whoever takes over has them at once. What was committed is applied again without effect.
      Effect.onInterrupt(() => Effect.sync(() => deliveries.forEach(giveBack)))
    ))
  yield* round.pipe(
    Effect.catchCause((cause) => Effect.logError("batch failed", cause)),
    Effect.forever,
    Effect.forkScoped
  )
}))

type Apply = (events: ReadonlyArray<DhcpEvent>) => Effect.Effect<Applied, PostgresError>

const settle = Effect.fnUntraced(
  function*(client: JetStreamClient, apply: Apply, deliveries: ReadonlyArray<Delivery>) {
    const good: Array<Delivery> = []
    const events: Array<DhcpEvent> = []
    const bad: Array<Effect.Effect<void>> = []
    for (const delivery of deliveries) {
      if (Result.isSuccess(delivery.decoded)) {
        good.push(delivery)
        events.push(delivery.decoded.success)
      } else {
        bad.push(refuse(client, delivery, delivery.decoded.failure))
      }
    }
    if (bad.length > 0) yield* Effect.all(bad, { concurrency: 16, discard: true })
    if (good.length > 0) yield* applyAll(client, apply, good, events)
  }
)

/** A defect is taken like data that the database refuses: one message at a time, it shows which one it was. */
const applyAll = (
  client: JetStreamClient,
  apply: Apply,
  deliveries: ReadonlyArray<Delivery>,
  events: ReadonlyArray<DhcpEvent>
): Effect.Effect<void> =>
  Effect.matchCauseEffect(apply(events), {
    onSuccess: ({ anonymous }) =>
      Effect.andThen(
        Effect.sync(() => deliveries.forEach(acknowledge)),
        Effect.andThen(
          Metric.update(messagesThatWere("applied"), deliveries.length - anonymous),
          Metric.update(messagesThatWere("anonymous"), anonymous)
        )
      ),
    onFailure: (cause) => {
      if (Cause.hasInterrupts(cause)) return Effect.interrupt
      const [first] = deliveries
      if (deliveries.length === 1 && first !== undefined) {
        const error = Cause.squash(cause)
        return Effect.andThen(
          Effect.logError("event cannot be applied", cause),
          refuse(client, first, rejectionOfFailure(error))
        )
      }
      return Effect.forEach(
        deliveries,
        (delivery, index) => applyAll(client, apply, [delivery], events.slice(index, index + 1)),
        { discard: true }
      )
    }
  })

const rejectionOfFailure = (error: unknown): Rejection => {
  const cause = error instanceof PostgresError ? error.cause : error
  return new Rejection({
    field: "body",
    expected: "an event that can be applied",
    actual: showActual(cause instanceof Error ? cause.message : String(cause))
  })
}

/** Copied first, ended then: a copy that cannot be stored leaves the message for later. */
const refuse = (client: JetStreamClient, delivery: Delivery, rejection: Rejection): Effect.Effect<void> => {
  const { message: { data, subject }, sequence } = delivery
  return reject(client, { subject, data, rejection, sequence, id: `rejected-${DHCP.name}-${sequence}` }).pipe(
    Effect.andThen(Effect.sync(() => terminate(delivery))),
    Effect.andThen(Metric.update(messagesThatWere("rejected"), 1)),
    Effect.tap(() =>
      Effect.logDebug("message rejected", { subject, sequence, field: rejection.field, expected: rejection.expected })
    ),
    Effect.catch((error) =>
      Effect.andThen(
        Effect.logWarning("cannot record a rejected message", error),
        Effect.sync(() => giveBack(delivery))
      )
    )
  )
}

/** Whoever starts first creates it; an existing one gets the limits of this version. */
const ensureConsumer = (manager: JetStreamManager) =>
  attemptNats(`ensure consumer ${name}`, async () => {
    const limits = {
      ack_wait: nanos(30_000),
      max_ack_pending: 20_000,
      max_deliver: -1
    }
    const existing = await manager.consumers.info(DHCP.name, name).catch((error: Error) => {
      if (error.name === "ConsumerNotFoundError" || /consumer not found/iu.test(error.message)) return undefined
      throw error
    })
    if (existing === undefined) {
      await manager.consumers.add(DHCP.name, { durable_name: name, ack_policy: AckPolicy.Explicit, ...limits })
    } else if (
      existing.config.ack_wait !== limits.ack_wait || existing.config.max_ack_pending !== limits.max_ack_pending
    ) {
      await manager.consumers.update(DHCP.name, name, limits)
    }
  }).pipe(Effect.retry(untilAvailable))
