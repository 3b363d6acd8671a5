/**
 * Takes events from the stream and has them applied: a message is acknowledged after the transaction that holds it
 * committed, and never lost.
 *
 * A batch is whatever has arrived while the one before it was written. PostgreSQL being away is waited for without end.
 */
import { DHCP, type DhcpEvent } from "@leasehold/events"
import { attemptNats, Nats, presence, untilAvailable } from "@leasehold/runtime"
import { AckPolicy, jetstream, type JetStreamManager } from "@nats-io/jetstream"
import { nanos } from "@nats-io/transport-node"
import { Config, Duration, Effect, Layer, Metric, Schema, Stream } from "effect"
import { Applier, isAboutData } from "../apply/Applier.ts"
import { makeOutage } from "../Outage.ts"
import { Relay } from "../outbox/Relay.ts"
import { Inbox } from "./Inbox.ts"
import { settler } from "./settle.ts"

const name = "registry"

const seconds = Metric.histogram("registry_batch_seconds", {
  description: "Time to apply a batch",
  boundaries: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2, 10]
})
const sizes = Metric.histogram("registry_batch_messages", {
  description: "Messages in a batch",
  boundaries: [1, 5, 20, 50, 100, 200, 500]
})

const BatchMessages = Schema.NumberFromString.check(
  Schema.isInt(),
  Schema.isBetween({ minimum: 1, maximum: 5_000 }, { expected: "a whole number from 1 to 5000" })
)
const ConsumerConfig = Config.all({
  batchMessages: Config.schema(BatchMessages, "BATCH_MESSAGES").pipe(Config.withDefault(500))
}).pipe(Config.nested("REGISTRY"))

export const consumerLayer = Layer.effectDiscard(Effect.gen(function*() {
  const { batchMessages } = yield* ConsumerConfig
  const { connection, manager } = yield* Nats
  const applier = yield* Applier
  const relay = yield* Relay
  yield* ensureConsumer(manager)
  const inbox = yield* Effect.acquireRelease(
    Effect.sync(() => new Inbox(connection, { stream: DHCP.name, consumer: name, capacity: batchMessages * 2 })),
    (inbox) =>
      Effect.sync(() => inbox.close()).pipe(
        Effect.andThen(attemptNats("flush", () => connection.flush())),
        Effect.timeout("500 millis"),
        Effect.ignore
      )
  )
  yield* presence(connection).pipe(
    Stream.runForEach((turn) =>
      turn === "back" ? Effect.andThen(ensureConsumer(manager), Effect.sync(() => inbox.renew())) : Effect.void
    ),
    Effect.forkScoped
  )
  const outage = makeOutage("events cannot be written")
  const apply = (events: ReadonlyArray<DhcpEvent>) =>
    applier.apply(events).pipe(
      Effect.tapError((error) => isAboutData(error) ? Effect.void : outage.because(error)),
      Effect.retry({ schedule: untilAvailable, while: (error) => !isAboutData(error) }),
      Effect.tap(({ announced }) => announced ? relay.wake : Effect.void),
      Effect.tap(() => outage.over)
    )
  const settle = settler({ inbox, manager, client: jetstream(connection), apply })
  const round = Effect.flatMap(inbox.take(batchMessages), (deliveries) =>
    settle(deliveries).pipe(
      Effect.trackDuration(seconds, Duration.toSeconds),
      Effect.andThen(Metric.update(sizes, deliveries.length)),
      // Ended in the middle: whoever takes over has them at once. What was committed is applied again without effect.
      Effect.onInterrupt(() => Effect.sync(() => deliveries.forEach((delivery) => inbox.giveBack(delivery))))
    ))
  yield* round.pipe(
    Effect.catchCause((cause) => Effect.logError("batch failed", cause)),
    Effect.forever,
    Effect.forkScoped
  )
}))

/** Whoever starts first creates it; an existing one gets the limits of this version. */
const ensureConsumer = (manager: JetStreamManager) =>
  attemptNats(`ensure consumer ${name}`, async () => {
    const limits = { ack_wait: nanos(30_000), max_ack_pending: 20_000, max_deliver: -1 }
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
