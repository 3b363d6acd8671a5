/**
 * Publishes the events of the sources to JetStream, each source through a window of its own.
 *
 * Nothing is given up: a bus that is away, has no stream, or refuses for want of space is tried again without end, and
 * the source waits meanwhile. Order within a source is kept through lost connections; a refusal in the middle of a
 * stream may let later events overtake, which their times put right again.
 */
import { DHCP, type DhcpEvent } from "@leasehold/events"
import { attemptNats, ensureStreams, Nats, NatsConfig, NatsError } from "@leasehold/runtime/Nats"
import {
  type Config,
  Context,
  Duration,
  Effect,
  Fiber,
  Latch,
  Layer,
  Metric,
  Random,
  Schedule,
  type Scope,
  Stream
} from "effect"
import { IngestStatus } from "./IngestStatus.ts"
import { PublishConfig } from "./IngestConfig.ts"
import { makePublishWindow, type PublishWindow } from "./Publisher/PublishWindow.ts"

const stored = Metric.counter("ingest_acknowledged_events_total", {
  description: "Events that JetStream acknowledged",
  incremental: true
})
const duplicates = Metric.counter("ingest_duplicate_events_total", {
  description: "Events that JetStream had already",
  incremental: true
})
const retries = Metric.counter("ingest_publish_retries_total", {
  description: "Times that everything without an acknowledgement was sent again",
  incremental: true
})
const shortened = Metric.counter("ingest_shortened_events_total", {
  description: "Times that an event was made smaller for the bus",
  incremental: true
})

/** Where one source hands in its events. */
export interface Outlet {
  /** Waits while too many events are on their way for more to be made. */
  readonly slack: Effect.Effect<void>
  /** Takes them in order; waits for room where there is none. */
  readonly offerAll: (events: ReadonlyArray<DhcpEvent>) => Effect.Effect<void>
  /** How many were taken so far. */
  readonly offered: () => number
  /** How many of these are stored without one before them that is not. */
  readonly acknowledged: () => number
  /** Waits until that many are. */
  readonly whenAcknowledged: (count: number) => Effect.Effect<void>
}

export class Publisher extends Context.Service<Publisher, {
  /** Waits until the bus is there for the first time. */
  readonly connected: Effect.Effect<void>
  /** An outlet for one source; waits for the bus too. */
  readonly outlet: Effect.Effect<Outlet, never, Scope.Scope>
  readonly isConnected: () => boolean
}>()("ingest/Publisher") {
  /** Connects in the background, so that files are watched and health is told while the bus is away. */
  static readonly layer = <E extends NatsError | Config.ConfigError>(nats: Layer.Layer<Nats, E>) =>
    Layer.effect(
      Publisher,
      Effect.gen(function*() {
        const status = yield* IngestStatus
        const limits = { ...(yield* PublishConfig), messageBytes: DHCP.maxMessageSize }
        const { replicas } = yield* NatsConfig
        const windows = new Set<PublishWindow>()
        let connected = false
        yield* status.watch("nats", () => connected ? undefined : "not connected")

        const connecting = yield* Layer.build(Layer.fresh(nats)).pipe(
          // A server that turns us away today may have learnt our name tomorrow.
          Effect.tapError((error) =>
            Effect.logWarning("cannot connect to nats, trying again", { problem: String(error) })
          ),
          Effect.retry(Schedule.spaced("2 seconds")),
          Effect.orDie,
          Effect.map(Context.get(Nats)),
          Effect.tap(({ connection }) => {
            connected = true
            return Stream.fromAsyncIterable(
              connection.status(),
              (cause) => new NatsError({ operation: "status", cause })
            ).pipe(
              Stream.runForEach((status) =>
                Effect.suspend(() => {
                  if (status.type === "disconnect") {
                    connected = false
                    windows.forEach((window) => window.pause())
                  } else if (status.type === "reconnect") {
                    connected = true
                    windows.forEach((window) => window.resume())
                  }
                  // A subject that this client may not publish to: there will be no acknowledgement.
                  return status.type === "error"
                    ? Effect.logWarning("nats refuses", { problem: status.error.message })
                    : Effect.void
                })
              ),
              Effect.ignore,
              Effect.forkScoped
            )
          }),
          Effect.forkScoped
        )

        const outlet = Effect.gen(function*() {
          const { connection, manager } = yield* Fiber.join(connecting)
          const moved = Latch.makeUnsafe(false)
          const refused = Latch.makeUnsafe(false)
          let refusal: { readonly reason: string; readonly noStream: boolean } | undefined
          const counts = { shortened: 0 }
          const dropped: Array<string> = []

          const window = yield* Effect.acquireRelease(
            Effect.sync(() =>
              makePublishWindow(connection, limits, {
                moved: () => void moved.openUnsafe(),
                refused: (reason, noStream) => {
                  window.pause()
                  refusal = { reason, noStream }
                  refused.openUnsafe()
                },
                shortened: () => void counts.shortened++,
                dropped: (subject) => void dropped.push(subject)
              })
            ),
            (window) =>
              Effect.sync(() => {
                windows.delete(window)
                window.close()
              })
          )
          windows.add(window)
          if (!connected) window.pause()

          /** After a refusal: waits a little longer each time, then sends everything again. */
          yield* Effect.gen(function*() {
            let attempt = 0
            let before = window.acknowledged()
            for (;;) {
              refused.closeUnsafe()
              yield* refused.await
              attempt = window.acknowledged() > before ? 0 : Math.min(attempt + 1, 6)
              before = window.acknowledged()
              yield* Effect.logWarning("event refused, trying again", { reason: refusal?.reason })
              yield* Metric.update(retries, 1)
              if (refusal?.noStream === true) {
                yield* Effect.ignore(Effect.timeout(ensureStreams(manager, replicas), "2 seconds"))
              }
              yield* Effect.sleep(Duration.millis(50 * 2 ** attempt * (1 + (yield* Random.next))))
              if (connected) window.resume()
            }
          }).pipe(Effect.forkScoped)

          /** A message or its acknowledgement can be lost without the connection being lost. */
          yield* Effect.gen(function*() {
            const before = window.acknowledged()
            yield* Effect.sleep(limits.ackTimeout)
            if (window.acknowledged() > before || window.offered() === before || !connected) return
            // Once the server has answered this, it has answered everything that it is going to.
            yield* attemptNats("flush", () => connection.flush())
            if (window.acknowledged() > before || !connected) return
            yield* Effect.logWarning("no acknowledgement, sending again", { events: window.offered() - before })
            yield* Metric.update(retries, 1)
            window.resume()
          }).pipe(Effect.ignore, Effect.forever, Effect.forkScoped)

          const counted = { stored: 0, duplicates: 0, shortened: 0 }
          yield* Effect.gen(function*() {
            yield* Effect.sleep("1 second")
            const now = { stored: window.acknowledged(), duplicates: window.duplicates(), shortened: counts.shortened }
            yield* Metric.update(stored, now.stored - counted.stored)
            yield* Metric.update(duplicates, now.duplicates - counted.duplicates)
            yield* Metric.update(shortened, now.shortened - counted.shortened)
            Object.assign(counted, now)
            for (const subject of dropped.splice(0)) {
              yield* Effect.logError("event dropped: the bus takes not even a small one", { subject })
            }
          }).pipe(Effect.forever, Effect.forkScoped)

          const until = Effect.fnUntraced(function*(met: () => boolean) {
            while (!met()) {
              moved.closeUnsafe()
              yield* moved.await
            }
          })
          return {
            slack: Effect.suspend(() => window.isSlack() ? Effect.void : until(window.isSlack)),
            offerAll: Effect.fnUntraced(function*(events: ReadonlyArray<DhcpEvent>) {
              for (const event of events) {
                if (!window.hasRoom()) yield* until(window.hasRoom)
                window.offer(event)
              }
            }),
            offered: window.offered,
            acknowledged: window.acknowledged,
            whenAcknowledged: (count) => until(() => window.acknowledged() >= count)
          } satisfies Outlet
        })

        return Publisher.of({ connected: Effect.asVoid(Fiber.join(connecting)), outlet, isConnected: () => connected })
      })
    )
}
