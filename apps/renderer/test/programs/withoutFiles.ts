/** Runs a command when no more files can be opened, and prints what came of it. */
import { Duration, Effect } from "effect"
import { openSync } from "node:fs"
import { runShell } from "../../src/Command.ts"

const outcome = await Effect.runPromise(
  Effect.gen(function*() {
    yield* Effect.ignore(Effect.forever(Effect.try(() => openSync("/dev/null", "r"))))
    return yield* Effect.flip(runShell("true", Duration.minutes(1)))
  })
)
process.stdout.write(outcome.message)
