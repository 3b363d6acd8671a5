/**
 * Applies events to the database: a batch is one transaction, and the database is asked and told in sets.
 *
 * Writers take turns: the transaction begins with the writer lock, so that what is read stays true until what follows
 * from it is written. Applying a batch again, in parts, or in another order gives the same state.
 */
import type { DhcpEvent, Mac } from "@leasehold/events"
import { Postgres, PostgresError } from "@leasehold/runtime"
import { Cause, Context, Effect, Layer } from "effect"
import { reasonOf } from "../Outage.ts"
import { applyFolded } from "./applyFolded.ts"
import { applyPendingNames, forgetPending, nextPending } from "./applyPendingNames.ts"
import { foldEvents } from "./foldEvents.ts"
import { NamingCache } from "./NamingCache.ts"

/** What data can cause; everything else is the state of the database or the network, and passes. */
export const isAboutData = (error: PostgresError): boolean => /^(?:21|22|23|54|P0)/u.test(error.code ?? "")

/** A defect is taken like data that the database refuses. */
const isOfData = (cause: Cause.Cause<PostgresError>): boolean => {
  const error = Cause.squash(cause)
  return !Cause.hasInterruptsOnly(cause) && !(error instanceof PostgresError && !isAboutData(error))
}

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
      const settle = (macs: ReadonlyArray<Mac>) =>
        macs.length === 0 ? Effect.void : postgres.transaction((client) => applyPendingNames(client, naming, macs))
      const giveUp = (mac: Mac) => (cause: Cause.Cause<PostgresError>) =>
        Effect.andThen(
          Effect.logError("the name of a system cannot be settled", { mac, reason: reasonOf(Cause.squash(cause)) }),
          forgetPending(postgres, mac)
        )
      const settleOne = (mac: Mac) => Effect.catchCauseIf(settle([mac]), isOfData, giveUp(mac))
      // All at once, or each by itself where one of them cannot be: it keeps no other from its name.
      const settleAll = (macs: ReadonlyArray<Mac>) =>
        Effect.catchCauseIf(settle(macs), isOfData, () => Effect.forEach(macs, settleOne, { discard: true }))
      return Applier.of({
        apply: Effect.fn("Applier.apply")(function*(events: ReadonlyArray<DhcpEvent>) {
          const folded = foldEvents(events)
          const announced = (folded.observed.size > 0 || folded.gaps.length > 0) &&
            (yield* postgres.transaction((client) => applyFolded(client, folded, naming)))
          return { announced, anonymous: folded.anonymous }
        }),
        applyPendingNames: nextPending(postgres).pipe(
          Effect.tap(settleAll),
          Effect.map((macs) => macs.length),
          Effect.withSpan("Applier.applyPendingNames")
        )
      })
    })
  )
}
