/**
 * The last words of a daemon: why it ends, once, in its own log. An interruption (SIGTERM) needs no explanation.
 *
 * Effect's runner is told to be quiet (`disableErrorReporting`), because its report is not JSON.
 */
import { Cause, Config, Effect } from "effect"
import { configProblem } from "./configProblem.ts"
import { explain } from "./explain.ts"
import { logLevel } from "./Logging.ts"

const reasonOf = (cause: Cause.Cause<unknown>) => {
  const error = Cause.squash(cause)
  if (error instanceof Config.ConfigError) {
    const { problem, variable } = configProblem(error)
    return { error: `${variable} ${problem}` }
  }
  return Cause.hasDies(cause)
    ? { error: Cause.pretty(cause) }
    : { error: explain(error) }
}

/** Looks at `LOG_LEVEL` first: the logger itself cannot say that it is wrong. */
export const reportEnd =
  (app: string) => <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | Config.ConfigError, R> =>
    logLevel.pipe(
      Effect.andThen(self),
      Effect.tapCause((cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError(`${app} ends`, reasonOf(cause))
      ),
      Effect.annotateLogs({ app })
    )
