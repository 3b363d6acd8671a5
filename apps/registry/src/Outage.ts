/** Says once that something fails and is tried again, and once that it works again: a warning for each try says no more. */
import { NatsError, PostgresError } from "@leasehold/runtime"
import { Clock, Effect } from "effect"

export interface Outage {
  readonly because: (error: unknown) => Effect.Effect<void>
  readonly over: Effect.Effect<void>
}

/** What went wrong, in the words of whoever found it. */
export const reasonOf = (error: unknown): string => {
  const cause = error instanceof PostgresError || error instanceof NatsError ? error.cause : error
  if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join("; ")
  return cause instanceof Error ? cause.message : String(cause)
}

/** @param what a constant text, such as "facts cannot be relayed" */
export const makeOutage = (what: string): Outage => {
  let since: number | undefined
  return {
    because: (error) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        if (since !== undefined) return Effect.void
        since = now
        return Effect.logWarning(`${what}, trying again`, { reason: reasonOf(error) })
      }),
    over: Effect.suspend(() => {
      if (since === undefined) return Effect.void
      const began = since
      since = undefined
      return Effect.flatMap(
        Clock.currentTimeMillis,
        (now) => Effect.logInfo("back to normal", { after: what, seconds: (now - began) / 1000 })
      )
    })
  }
}
