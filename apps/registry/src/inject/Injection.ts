/**
 * The injection service: a request on `dhcp.v1.inject.<server>` becomes an event of the stream, and is answered with its
 * sequence, or with what is wrong with it.
 *
 * Replicas share the requests. What is refused is copied to `REJECTED`.
 */
import {
  allInjections,
  bodies,
  decodeInjection,
  decodeMessage,
  eventSubject,
  type InjectionReply,
  OtherHardware,
  Rejection,
  serverOfSubject,
  showActual,
  streamId
} from "@leasehold/events"
import { attemptNats, Nats, untilAvailable } from "@leasehold/runtime"
import { jetstream, type JetStreamClient } from "@nats-io/jetstream"
import { type ServiceMsg, Svcm } from "@nats-io/services"
import { Clock, Effect, Layer, Metric, Result } from "effect"
import { hash } from "node:crypto"
import { reject } from "../consumer/reject.ts"

const requests = Metric.counter("registry_injections_total", {
  description: "Requests to inject an event, by what became of them",
  incremental: true
})

export const injectionLayer = Layer.effectDiscard(Effect.gen(function*() {
  const { connection } = yield* Nats
  const client = jetstream(connection)
  const context = yield* Effect.context()
  const service = yield* Effect.acquireRelease(
    attemptNats("serve injections", () =>
      new Svcm(connection).add({
        name: "leasehold-inject",
        version: "0.1.0",
        description: "Publishes DHCP events on behalf of whoever asks",
        queue: "registry"
      })).pipe(Effect.retry(untilAvailable)),
    (service) => Effect.promise(() => service.stop().then(() => undefined, () => undefined)),
    { interruptible: true }
  )
  service.addEndpoint("inject", {
    subject: allInjections,
    metadata: { request: "a JSON object with kind, mac and what else the event has", schema: "dhcp.v1.inject.reply" },
    handler: (error, message) => {
      if (error === null) Effect.runForkWith(context)(answer(client, message))
    }
  })
}))

const answer = Effect.fnUntraced(function*(client: JetStreamClient, message: ServiceMsg) {
  const accepted = yield* Effect.result(inject(client, message.subject, message.string(), message.data.length))
  yield* Effect.sync(() => respond(message, accepted))
  const outcome = Result.isSuccess(accepted) ? "accepted" : "refused"
  yield* Metric.update(Metric.withAttributes(requests, { outcome }), 1)
  if (Result.isFailure(accepted) && accepted.failure.field !== "stream") {
    const id = `rejected-inject-${hash("sha256", `${message.reply ?? ""}\n${message.string()}`, "hex").slice(0, 40)}`
    yield* reject(client, { subject: message.subject, data: message.data, rejection: accepted.failure, id }).pipe(
      Effect.catch((error) => Effect.logWarning("cannot record a refused injection", error))
    )
  }
})

const respond = (message: ServiceMsg, accepted: Result.Result<InjectionReply, Rejection>): void => {
  if (Result.isSuccess(accepted)) {
    message.respond(JSON.stringify(accepted.success))
  } else {
    const { actual, expected, field, message: description } = accepted.failure
    const reply: InjectionReply = { accepted: false, error: { field, expected, actual } }
    message.respondError(field === "stream" ? 503 : 400, oneLine(description), JSON.stringify(reply))
  }
}

/** It goes into a header. */
const oneLine = (text: string): string => text.replace(/[^\x20-\x7e]/gu, "?").slice(0, 300)

const largest = 60_000

const inject = Effect.fnUntraced(function*(client: JetStreamClient, subject: string, data: string, size: number) {
  const server = yield* Effect.fromOption(serverOfSubject(subject)).pipe(
    Effect.mapError(() =>
      new Rejection({ field: "subject", expected: "dhcp.v1.inject.<server>", actual: showActual(subject) })
    )
  )
  if (size > largest) {
    return yield* new Rejection({ field: "body", expected: `at most ${largest} bytes`, actual: `${size} bytes` })
  }
  const { body, kind } = yield* Effect.fromResult(decodeInjection(server, data))
  const now = yield* Clock.currentTimeMillis
  const target = eventSubject(server, kind)
  const event = yield* Effect.fromResult(decodeMessage({ subject: target, data, sequence: 0, time: now * 1000 }))
  const id = isObject(body) && "id" in body ? event.id : undefined
  const stored = yield* attemptNats(
    "publish",
    () => client.publish(target, JSON.stringify(body), id === undefined ? {} : { msgID: id })
  ).pipe(
    Effect.mapError(({ cause }) =>
      new Rejection({
        field: "stream",
        expected: "a stream that takes the event",
        actual: showActual(cause instanceof Error ? cause.message : String(cause))
      })
    )
  )
  const ignored = unknownFields(kind, body)
  return {
    accepted: true,
    id: id ?? streamId(stored.seq),
    seq: stored.seq,
    duplicate: stored.duplicate,
    ...(ignored.length === 0 ? {} : { ignored })
  } satisfies InjectionReply
})

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

/** Fields of the request that mean nothing for its kind. */
const unknownFields = (kind: keyof typeof bodies, body: unknown): ReadonlyArray<string> => {
  if (!isObject(body)) return []
  const fields = "hardwareAddress" in body && !("mac" in body) ? OtherHardware.fields : bodies[kind].fields
  return Object.keys(body).filter((field) => !(field in fields)).map((field) => field.slice(0, 100)).slice(0, 50)
}
