/**
 * Applies events to the database: a batch is one transaction, and the database is asked and told in sets.
 *
 * Writers take turns: the transaction begins with the writer lock, so that what is read stays true until what follows
 * from it is written. Applying a batch again, in parts, or in another order gives the same state.
 */
import type { DhcpEvent } from "@leasehold/events"
import { Postgres, type PostgresError } from "@leasehold/runtime"
import { Context, Effect, Layer } from "effect"
import { applyFolded } from "./applyFolded.ts"
import { applyPendingNames } from "./applyPendingNames.ts"
import { foldEvents } from "./foldEvents.ts"
import { NamingCache } from "./NamingCache.ts"

/** What applying amounted to. */
export interface Applied {
  /** There is something new in the outbox. */
  readonly announced: boolean
  /** How many events had no six-octet MAC: no system is kept for them. */
  readonly anonymous: number
}

export class Applier extends Context.Service<Applier, {
  apply(events: ReadonlyArray<DhcpEvent>): Effect.Effect<Applied, PostgresError>
  /** Looks again at the names that somebody else's reservations call for; returns how many MACs that concerned. */
  readonly applyPendingNames: Effect.Effect<number, PostgresError>
}>()("registry/apply/Applier") {
  static readonly layer = Layer.effect(
    Applier,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const naming = new NamingCache()
      return Applier.of({
        apply: Effect.fn("Applier.apply")(function*(events: ReadonlyArray<DhcpEvent>) {
          const folded = foldEvents(events)
          const announced = (folded.observed.size > 0 || folded.gaps.length > 0) &&
            (yield* postgres.transaction((client) => applyFolded(client, folded, naming)))
          return { announced, anonymous: folded.anonymous }
        }),
        applyPendingNames: postgres.transaction((client) => applyPendingNames(client, naming)).pipe(
          Effect.withSpan("Applier.applyPendingNames")
        )
      })
    })
  )
}
