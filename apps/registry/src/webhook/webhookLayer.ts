/**
 * Posts facts of the stream `DISCOVERY` to the operator's URL, where one is set.
 *
 * One fact at a time among all replicas, in the order of the commits, at least once: the next one is taken after this one
 * was delivered or is recorded as a dead letter. The stream keeps what waits, so that neither memory nor anything else in
 * the registry depends on the receiver.
 */
import { DISCOVERY } from "@leasehold/events"
import { attemptNats, Nats, Postgres, untilAvailable } from "@leasehold/runtime"
import {
  AckPolicy,
  type Consumer,
  DeliverPolicy,
  jetstream,
  type JetStreamManager,
  type JsMsg
} from "@nats-io/jetstream"
import { nanos } from "@nats-io/transport-node"
import { Cause, Effect, Layer, Metric, Option, Redacted, Schedule } from "effect"
import { makeOutage } from "../Outage.ts"
import { forgetDeadLetters, recordDeadLetter } from "./deadLetters.ts"
import { makeDeliver } from "./deliver.ts"
import { factOf, problemOf } from "./Fact.ts"
import { makePost } from "./post.ts"
import { WebhookConfig, type WebhookSettings } from "./WebhookConfig.ts"

const name = "webhook"

const facts = Metric.counter("registry_webhook_facts_total", {
  description: "Facts by what became of them at the webhook",
  incremental: true
})
const factsThatWere = (outcome: "delivered" | "dead" | "skipped") => Metric.withAttributes(facts, { outcome })
const waiting = Metric.gauge("registry_webhook_waiting_facts", { description: "Facts that wait for the webhook" })

export const webhookLayer = Layer.effectDiscard(Effect.gen(function*() {
  const settings = yield* WebhookConfig
  if (Option.isSome(settings)) yield* start(settings.value)
}))

const start = Effect.fnUntraced(function*(settings: WebhookSettings) {
  const { connection, manager } = yield* Nats
  const postgres = yield* Postgres
  const deliver = makeDeliver(yield* makePost(settings), settings)
  const unrecorded = makeOutage("a dead letter cannot be recorded")
  yield* Effect.logInfo("facts go to a webhook", {
    host: Redacted.value(settings.url).host,
    signed: Option.isSome(settings.secret)
  })

  // A receiver that takes nothing at all is told of once; each fact is a dead letter and counted.
  let isTelling = true
  const tell = (what: string, about: object) =>
    Effect.suspend(() => {
      const log = isTelling ? Effect.logWarning(what, about) : Effect.logDebug(what, about)
      isTelling = false
      return log
    })

  const bury = (fact: ReturnType<typeof factOf>, attempts: number, reason: string) =>
    recordDeadLetter(postgres, fact, attempts, reason).pipe(
      Effect.tapError(unrecorded.because),
      Effect.retry(untilAvailable),
      Effect.orDie,
      Effect.andThen(unrecorded.over),
      Effect.andThen(Metric.update(factsThatWere("dead"), 1)),
      Effect.andThen(tell("the webhook did not take a fact", { id: fact.id, type: fact.type, attempts, reason }))
    )

  const handle = Effect.fnUntraced(function*(message: JsMsg) {
    const fact = factOf(message)
    if (!settings.wants(fact.type)) return yield* Metric.update(factsThatWere("skipped"), 1)
    const problem = problemOf(fact)
    if (problem !== undefined) return yield* bury(fact, 0, problem)
    const delivery = yield* deliver(fact)
    if (delivery._tag === "Delivered") {
      isTelling = true
      return yield* Metric.update(factsThatWere("delivered"), 1)
    }
    yield* bury(fact, delivery.attempts, delivery.reason)
  })

  const turn = Effect.fnUntraced(function*(consumer: Consumer) {
    const message = yield* attemptNats("take a fact", () => consumer.next({ expires: takeFor }))
    if (message === null) return yield* Metric.update(waiting, 0)
    yield* Metric.update(waiting, message.info.pending + 1)
    // Whoever works on it says so, or it would go to another replica meanwhile.
    yield* Effect.raceFirst(handle(message), Effect.forever(Effect.delay(sayWorking(message), "3 seconds"))).pipe(
      Effect.onError(() =>
        Effect.sync(() => message.nak()).pipe(
          Effect.andThen(attemptNats("flush", () => connection.flush())),
          Effect.timeout("500 millis"),
          Effect.ignore
        )
      )
    )
    message.ack()
    yield* Metric.update(waiting, message.info.pending)
  })

  // At once, so that what becomes known from now on is posted; should it fail, the loop tries again.
  yield* openConsumer(manager).pipe(Effect.timeout("2 seconds"), Effect.ignore)
  const outage = makeOutage("facts cannot be taken for the webhook")
  yield* openConsumer(manager).pipe(
    Effect.map(() => jetstream(connection)),
    Effect.flatMap((client) => attemptNats("open consumer", () => client.consumers.get(DISCOVERY.name, name))),
    Effect.flatMap((consumer) => Effect.forever(Effect.andThen(turn(consumer), outage.over))),
    Effect.tapCause((cause) => Cause.hasInterruptsOnly(cause) ? Effect.void : outage.because(Cause.squash(cause))),
    Effect.catchCauseIf((cause) => !Cause.hasInterruptsOnly(cause), () => Effect.sleep("1 second")),
    Effect.forever,
    Effect.forkScoped
  )
  yield* forgetDeadLetters(postgres).pipe(Effect.ignore, Effect.repeat(Schedule.spaced("1 hour")), Effect.forkScoped)
})

/** A server that forgot that somebody waits is asked again after this. */
const takeFor = 4_000

const sayWorking = (message: JsMsg) => Effect.sync(() => message.working())

/** Whoever starts first creates it; it begins with what becomes known from then on. */
const openConsumer = (manager: JetStreamManager) =>
  attemptNats(`ensure consumer ${name}`, async () => {
    const existing = await manager.consumers.info(DISCOVERY.name, name).catch((error: Error) => {
      if (error.name === "ConsumerNotFoundError" || /consumer not found/iu.test(error.message)) return undefined
      throw error
    })
    if (existing !== undefined) return
    await manager.consumers.add(DISCOVERY.name, {
      durable_name: name,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.New,
      ack_wait: nanos(10_000),
      max_ack_pending: 1,
      max_deliver: -1
    })
  })
