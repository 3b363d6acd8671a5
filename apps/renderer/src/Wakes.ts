/**
 * When to look: somebody notified this server, the connection came back (what was notified meanwhile is lost), or half a
 * minute went by. Many in a row are one.
 */
import { Postgres } from "@leasehold/runtime"
import { Clock, Context, Duration, Effect, Layer, Queue, Schedule, Stream } from "effect"
import { RendererConfig } from "./RendererConfig.ts"

export class Wakes extends Context.Service<Wakes, {
  /** Waits for the next, and then until it is quiet, but not for ever. */
  readonly next: Effect.Effect<void>
  /** Makes `next` end, soon. */
  readonly again: Effect.Effect<void>
}>()("renderer/Wakes") {
  static readonly layer = Layer.effect(
    Wakes,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const { debounce, debounceMax, poll, server } = yield* RendererConfig
      const wakes = yield* Queue.sliding<void>(1)
      const wake = Queue.offer(wakes, undefined)

      yield* postgres.listen("render").pipe(
        Stream.runForEach((heard) => heard.type === "connected" || heard.payload === server ? wake : Effect.void),
        Effect.forkScoped
      )
      yield* Effect.forkScoped(Effect.repeat(wake, Schedule.spaced(poll)))

      const quiet = Effect.gen(function*() {
        const end = (yield* Clock.monotonicTimeNanos) + Duration.toNanosUnsafe(debounceMax)
        for (;;) {
          const left = Duration.nanos(end - (yield* Clock.monotonicTimeNanos))
          const woken = yield* Effect.timeoutOption(Queue.take(wakes), Duration.min(debounce, left))
          if (woken._tag === "None") return
        }
      })

      return Wakes.of({
        next: Effect.andThen(Queue.take(wakes), quiet),
        again: Effect.asVoid(wake)
      })
    })
  )
}
