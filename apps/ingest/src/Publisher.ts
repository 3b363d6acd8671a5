/**
 * Publishes the events of the sources to JetStream, each source through a window of its own.
 *
 * Nothing is given up: a bus that is away, has no stream, or refuses for want of space is tried again without end, and
 * the source waits meanwhile. Order within a source is kept through lost connections; a refusal in the middle of a
 * stream may let later events overtake, which their times put right again.
 */
import { DHCP, type DhcpEvent } from "@leasehold/events"
import { attemptNats, ensureStreams, NatsConfig } from "@leasehold/runtime/Nats"
import { Context, Duration, Effect, Latch, Layer, Metric, Random, type Scope } from "effect"
import { Bus } from "./Bus.ts"
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
  /** Says so when events wait to be stored for longer than a bus that works needs. */
  readonly problem: () => string | undefined
}

/** Seconds without any progress: what a cluster takes to find a leader is no problem yet. */
const tolerance = 5

/** Counted since the start, over all outlets. */
export interface PublisherTotals {
  readonly published: number
  readonly duplicates: number
  readonly retries: number
}

export class Publisher extends Context.Service<Publisher, {
  /** An outlet for one source; waits for the bus. */
  readonly outlet: Effect.Effect<Outlet, never, Scope.Scope>
  readonly isConnected: () => boolean
  readonly totals: () => PublisherTotals
}>()("ingest/Publisher") {
  static readonly layer = Layer.effect(
    Publisher,
    Effect.gen(function*() {
      const bus = yield* Bus
      const limits = { ...(yield* PublishConfig), messageBytes: DHCP.maxMessageSize }
      const { replicas } = yield* NatsConfig
      const windows = new Set<PublishWindow>()
      const closed = { published: 0, duplicates: 0 }
      let retried = 0
      yield* bus.onChange((isConnected) => windows.forEach((window) => isConnected ? window.resume() : window.pause()))

      const outlet = Effect.gen(function*() {
        const { connection, manager } = yield* bus.connected
        const moved = Latch.makeUnsafe(false)
        const refused = Latch.makeUnsafe(false)
        let refusal: { readonly reason: string; readonly noStream: boolean } | undefined
        /** Since there was progress. */
        let lastRefusal: string | undefined
        let stuckSeconds = 0
        const waiting = () => window.offered() - window.acknowledged()
        const counts = { shortened: 0 }
        const dropped: Array<string> = []

        const window = yield* Effect.acquireRelease(
          Effect.sync(() =>
            makePublishWindow(connection, limits, {
              moved: () => void moved.openUnsafe(),
              refused: (reason, noStream) => {
                window.pause()
                refusal = { reason, noStream }
                lastRefusal = reason
                refused.openUnsafe()
              },
              shortened: () => void counts.shortened++,
              dropped: (subject) => void dropped.push(subject)
            })
          ),
          (window) =>
            Effect.sync(() => {
              windows.delete(window)
              closed.published += window.acknowledged()
              closed.duplicates += window.duplicates()
              window.close()
            })
        )
        windows.add(window)
        if (!bus.isConnected()) window.pause()

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
            retried++
            yield* Metric.update(retries, 1)
            if (refusal?.noStream === true) {
              yield* Effect.ignore(Effect.timeout(ensureStreams(manager, replicas), "2 seconds"))
            }
            yield* Effect.sleep(Duration.millis(50 * 2 ** attempt * (1 + (yield* Random.next))))
            if (bus.isConnected()) window.resume()
          }
        }).pipe(Effect.forkScoped)

        /** A message or its acknowledgement can be lost without the connection being lost. */
        yield* Effect.gen(function*() {
          const before = window.acknowledged()
          yield* Effect.sleep(limits.ackTimeout)
          if (window.acknowledged() > before || window.offered() === before || !bus.isConnected()) return
          // Once the server has answered this, it has answered everything that it is going to.
          yield* attemptNats("flush", () => connection.flush())
          if (window.acknowledged() > before || !bus.isConnected()) return
          yield* Effect.logWarning("no acknowledgement, sending again", { events: window.offered() - before })
          retried++
          yield* Metric.update(retries, 1)
          window.resume()
        }).pipe(Effect.ignore, Effect.forever, Effect.forkScoped)

        const counted = { stored: 0, duplicates: 0, shortened: 0 }
        yield* Effect.gen(function*() {
          yield* Effect.sleep("1 second")
          const now = { stored: window.acknowledged(), duplicates: window.duplicates(), shortened: counts.shortened }
          // Counted, not taken from a clock: a time in which this process did not run says nothing about the bus.
          if (now.stored > counted.stored || waiting() === 0) {
            stuckSeconds = 0
            lastRefusal = undefined
          } else stuckSeconds++
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
          whenAcknowledged: (count) => until(() => window.acknowledged() >= count),
          problem: () => {
            if (stuckSeconds < tolerance || waiting() === 0) return undefined
            const why = lastRefusal === undefined ? "" : `: ${lastRefusal}`
            return `NATS has not stored ${waiting()} events for ${stuckSeconds} seconds${why}`
          }
        } satisfies Outlet
      })

      const sum = (of: (window: PublishWindow) => number) => [...windows].reduce((total, one) => total + of(one), 0)
      return Publisher.of({
        outlet,
        isConnected: bus.isConnected,
        totals: () => ({
          published: closed.published + sum((window) => window.acknowledged()),
          duplicates: closed.duplicates + sum((window) => window.duplicates()),
          retries: retried
        })
      })
    })
  )
}
