/**
 * A command line from its words to its exit code. Help that was asked for and results go to stdout, everything else to
 * stderr; nothing here touches the process.
 */
import { Cause, Effect, Exit, Layer } from "effect"
import { CliConfig, CliError, CliOutput, Command, GlobalFlag } from "effect/cli"
import { root } from "./commands/root.ts"
import { exitCodes, Failure, formatFailure } from "./domain/Failure.ts"
import { harmless } from "./domain/output/harmless.ts"
import { version } from "./index.ts"
import { Screen } from "./Screen.ts"

const harmlessLines = (text: string) => text.split("\n").filter((line) => line !== "").map(harmless).join("\n")

const presenter = Effect.gen(function*() {
  const screen = yield* Screen
  const formatter = CliOutput.defaultFormatter({ colors: screen.colour })
  return CliOutput.layerPresenter({
    present: (event) => {
      if (event._tag === "Version") return screen.out(`${event.version}\n`)
      if (event._tag === "Help" && event.reason === "Requested") {
        return screen.out(`${formatter.formatHelpDoc(event.helpDoc)}\n`)
      }
      if (event._tag === "Help") return screen.err(`${formatter.formatHelpDoc(event.helpDoc)}\n`)
      const path = event.commandPath.join(" ")
      const errors = event.errors.map((error) => `ipmanager: ${harmlessLines(error.message)}\n`).join("")
      return screen.err(`${errors}  → See \`${path} --help\`.\n`)
    }
  })
})

/** What is not asked for is left out: the log level of a program that logs nothing, and a second way to completions. */
export const builtIns = CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })

const codeOf = Effect.fnUntraced(function*(cause: Cause.Cause<unknown>) {
  const screen = yield* Screen
  if (Cause.hasInterruptsOnly(cause)) return 130
  const error = Cause.squash(cause)
  if (error instanceof Failure) {
    yield* screen.err(`${formatFailure(error)}\n`)
    return exitCodes[error.reason]
  }
  if (CliError.isCliError(error)) return exitCodes.usage
  yield* screen.err(`ipmanager: this should not have happened\n${harmlessLines(Cause.pretty(cause))}\n`)
  return exitCodes.failed
})

const runWith = Command.runWith(root, { version })

/** Runs a command line, without the program's name; succeeds with its exit code. */
export const program = Effect.fnUntraced(function*(words: ReadonlyArray<string>) {
  const layers = Layer.merge(yield* presenter, builtIns)
  const exit = yield* Effect.exit(Effect.provide(runWith(words), layers))
  return Exit.isSuccess(exit) ? 0 : yield* codeOf(exit.cause)
})
