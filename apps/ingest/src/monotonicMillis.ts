/** Milliseconds on a clock that nobody sets: for how long something took, never for when it was. */
import { Clock, Effect } from "effect"

export const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)
