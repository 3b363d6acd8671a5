/**
 * Looks after what others wrote: facts for the relay, and names that an administrator's reservation calls for.
 *
 * NOTIFY tells at once, a look every second finds what it did not tell.
 */
import { Postgres } from "@leasehold/runtime"
import { Cause, Effect, Layer, Schedule, Stream } from "effect"
import { Applier } from "../apply/Applier.ts"
import { makeOutage } from "../Outage.ts"
import { Relay } from "./Relay.ts"

export const wakesLayer = Layer.effectDiscard(Effect.gen(function*() {
  const postgres = yield* Postgres
  const applier = yield* Applier
  const relay = yield* Relay
  const outage = makeOutage("names that reservations call for cannot be given")
  const giveNames = Effect.repeat(Effect.tap(applier.applyPendingNames, relay.look), { while: (count) => count > 0 })
  const look = Effect.andThen(giveNames, outage.over).pipe(
    Effect.catchCauseIf(
      (cause) => !Cause.hasInterruptsOnly(cause),
      (cause) => Effect.andThen(outage.because(Cause.squash(cause)), relay.look)
    )
  )
  yield* Stream.merge(postgres.listen("outbox"), Stream.fromSchedule(Schedule.spaced("1 second"))).pipe(
    Stream.buffer({ capacity: 1, strategy: "sliding" }),
    Stream.runForEach(() => look),
    Effect.forkScoped
  )
}))
