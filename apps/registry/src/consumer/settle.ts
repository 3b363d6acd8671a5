/**
 * What becomes of a batch: applied and acknowledged, or copied to `REJECTED` and ended, message by message if need be.
 *
 * A defect is taken like data that the database refuses: applying one message at a time shows which one it was.
 */
import { DHCP, type DhcpEvent, encodeBody, Rejection, showActual } from "@leasehold/events"
import { attemptNats, PostgresError } from "@leasehold/runtime"
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream"
import { Cause, Effect, Metric, Result } from "effect"
import type { Applied } from "../apply/Applier.ts"
import type { Delivery, Inbox } from "./Inbox.ts"
import { reject } from "./reject.ts"

const messages = Metric.counter("registry_messages_total", {
  description: "Messages by what became of them",
  incremental: true
})
const messagesThatWere = (outcome: "applied" | "rejected" | "anonymous") => Metric.withAttributes(messages, { outcome })

export interface Settling {
  readonly inbox: Inbox
  readonly client: JetStreamClient
  readonly manager: JetStreamManager
  /** Fails only for what the events are. */
  readonly apply: (events: ReadonlyArray<DhcpEvent>) => Effect.Effect<Applied, PostgresError>
}

export const settler = (settling: Settling) =>
  Effect.fnUntraced(function*(deliveries: ReadonlyArray<Delivery>) {
    const good: Array<Delivery> = []
    const events: Array<DhcpEvent> = []
    const bad: Array<Effect.Effect<void>> = []
    for (const delivery of deliveries) {
      if (Result.isSuccess(delivery.decoded)) {
        good.push(delivery)
        events.push(delivery.decoded.success)
      } else {
        const { data, rejection } = delivery.decoded.failure
        bad.push(refuse(settling, delivery, rejection, data))
      }
    }
    if (bad.length > 0) yield* Effect.all(bad, { concurrency: 16, discard: true })
    if (good.length > 0) yield* applyAll(settling, good, events)
  })

const applyAll = (
  settling: Settling,
  deliveries: ReadonlyArray<Delivery>,
  events: ReadonlyArray<DhcpEvent>
): Effect.Effect<void> =>
  Effect.matchCauseEffect(settling.apply(events), {
    onSuccess: ({ anonymous }) =>
      Effect.sync(() => deliveries.forEach((delivery) => settling.inbox.acknowledge(delivery))).pipe(
        Effect.andThen(Metric.update(messagesThatWere("applied"), deliveries.length - anonymous)),
        Effect.andThen(Metric.update(messagesThatWere("anonymous"), anonymous))
      ),
    onFailure: (cause) => {
      const [delivery] = deliveries
      const [event] = events
      if (Cause.hasInterruptsOnly(cause) || delivery === undefined || event === undefined) return Effect.interrupt
      return deliveries.length === 1
        ? Effect.logError("event cannot be applied", cause, { sequence: delivery.sequence }).pipe(
          Effect.andThen(originalBody(settling.manager, delivery, event)),
          Effect.flatMap((data) => refuse(settling, delivery, rejectionOf(Cause.squash(cause)), data))
        )
        : Effect.forEach(
          deliveries,
          (one, index) => applyAll(settling, [one], events.slice(index, index + 1)),
          { discard: true }
        )
    }
  })

const rejectionOf = (error: unknown): Rejection => {
  const cause = error instanceof PostgresError ? error.cause : error
  return new Rejection({
    field: "body",
    expected: "an event that can be applied",
    actual: showActual(cause instanceof Error ? cause.message : String(cause))
  })
}

/** The message as the stream has it; where it is gone, what was understood of it. */
const originalBody = (manager: JetStreamManager, { sequence }: Delivery, event: DhcpEvent) =>
  attemptNats("read a message", () => manager.streams.getMessage(DHCP.name, { seq: sequence })).pipe(
    Effect.map((stored) => stored?.data),
    Effect.map((data) => data ?? new TextEncoder().encode(encodeBody(event))),
    Effect.orElseSucceed(() => new TextEncoder().encode(encodeBody(event)))
  )

/** Copied first, ended then: a copy that cannot be stored leaves the message for later. */
const refuse = (
  { client, inbox }: Settling,
  delivery: Delivery,
  rejection: Rejection,
  data: Uint8Array
): Effect.Effect<void> => {
  const { sequence, subject } = delivery
  return reject(client, { subject, data, rejection, sequence, id: `rejected-${DHCP.name}-${sequence}` }).pipe(
    Effect.andThen(Effect.sync(() => inbox.terminate(delivery))),
    Effect.andThen(Metric.update(messagesThatWere("rejected"), 1)),
    Effect.andThen(
      Effect.logDebug("message rejected", { subject, sequence, field: rejection.field, expected: rejection.expected })
    ),
    Effect.catch((error) =>
      Effect.andThen(
        Effect.logWarning("cannot record a rejected message", error),
        Effect.sync(() => inbox.giveBack(delivery))
      )
    )
  )
}
