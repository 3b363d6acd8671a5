/**
 * Looks after what others wrote: facts for the relay, and names that an administrator's reservation calls for.
 *
 * NOTIFY tells at once, a look every second finds what it did not tell.
 */
import { Postgres } from "@leasehold/runtime"
import { Effect, Layer, Schedule, Stream } from "effect"
import { Applier } from "../apply/Applier.ts"
import { Relay } from "./Relay.ts"

export const wakesLayer = Layer.effectDiscard(Effect.gen(function*() {
  const postgres = yield* Postgres
  const applier = yield* Applier
  const relay = yield* Relay
  const isNamePending = Effect.map(postgres.query("SELECT FROM pending_names LIMIT 1"), (rows) => rows.length > 0)
  const look = isNamePending.pipe(
    Effect.flatMap((isPending) => isPending ? applier.applyPendingNames : Effect.void),
    // The database being away is told by whoever has something to write.
    Effect.catch((error) => Effect.logDebug("cannot look for changes", error)),
    Effect.andThen(relay.look)
  )
  yield* Stream.merge(postgres.listen("outbox"), Stream.fromSchedule(Schedule.spaced("1 second"))).pipe(
    Stream.buffer({ capacity: 1, strategy: "sliding" }),
    Stream.runForEach(() => look),
    Effect.forkScoped
  )
}))
