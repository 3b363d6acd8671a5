/**
 * The connection to NATS, made in the background, so that files are watched and health is told while the bus is away.
 *
 * It is tried without end: a server that turns us away today may have learnt our name tomorrow. Only settings that cannot
 * be right end it.
 */
import { Nats, NatsError } from "@leasehold/runtime/Nats"
import { type Config, Context, Effect, Fiber, Layer, type Scope, Stream } from "effect"
import { IngestStatus } from "./IngestStatus.ts"

/** Refusals that were told already; more different ones than this are not remembered. */
const mostRefusals = 50

export class Bus extends Context.Service<Bus, {
  /** Waits until it is there for the first time. */
  readonly connected: Effect.Effect<Nats["Service"]>
  readonly isConnected: () => boolean
  /** Calls the listener with each loss and each return of the connection. */
  readonly onChange: (listener: (isConnected: boolean) => void) => Effect.Effect<void, never, Scope.Scope>
}>()("ingest/Bus") {
  static readonly layer = <E extends NatsError | Config.ConfigError>(nats: Layer.Layer<Nats, E>) =>
    Layer.effect(
      Bus,
      Effect.gen(function*() {
        const status = yield* IngestStatus
        const listeners = new Set<(isConnected: boolean) => void>()
        const refusals = new Set<string>()
        let isConnected = false
        yield* status.watch("nats", () => isConnected ? undefined : "not connected")
        /** The client tells of every attempt that fails, and then of as many returns. */
        const turn = (to: boolean) => {
          if (to === isConnected) return
          isConnected = to
          refusals.clear()
          listeners.forEach((listener) => listener(to))
        }

        const connecting = yield* Layer.build(Layer.fresh(nats)).pipe(
          Effect.orDie,
          Effect.map(Context.get(Nats)),
          Effect.tap(({ connection }) => {
            turn(true)
            return Stream.fromAsyncIterable(
              connection.status(),
              (cause) => new NatsError({ operation: "status", cause })
            ).pipe(
              Stream.runForEach((status) =>
                Effect.suspend(() => {
                  if (status.type === "disconnect") turn(false)
                  else if (status.type === "reconnect") turn(true)
                  // Why there is no connection is told by whoever keeps it.
                  if (status.type !== "error" || !isConnected) return Effect.void
                  // Such as a subject that this client may not publish to: said once, for it is tried again and again.
                  const problem = status.error.message
                  if (refusals.has(problem)) return Effect.void
                  if (refusals.size < mostRefusals) refusals.add(problem)
                  return Effect.logWarning("nats refuses", { problem })
                })
              ),
              Effect.ignore,
              Effect.forkScoped
            )
          }),
          Effect.forkScoped
        )

        return Bus.of({
          connected: Fiber.join(connecting),
          isConnected: () => isConnected,
          onChange: (listener) =>
            Effect.asVoid(Effect.acquireRelease(
              Effect.sync(() => listeners.add(listener)),
              () => Effect.sync(() => listeners.delete(listener))
            ))
        })
      })
    )
}
