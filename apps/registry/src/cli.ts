/** What the registry's program does besides running: the first token of an API that does not listen on loopback. */
import { NodeServices } from "@effect/platform-node"
import { configProblem } from "@leasehold/runtime"
import { Cause, Config, Console, Effect, Layer, Logger } from "effect"
import { CliError, Command } from "effect/cli"
import { reasonOf } from "./Outage.ts"
import { token } from "./commands/token.ts"

const registry = Command.make("registry").pipe(
  Command.withDescription("The registry: without a command it runs; its settings come from the environment"),
  Command.withSubcommands([token])
)

/** The program's arguments come after the name of its file. */
export const cli = Command.run(registry, { version: "0.1.0" }).pipe(
  Effect.tapCause((cause) => {
    const error = Cause.squash(cause)
    // What was wrong with the arguments has been said with the help.
    return Cause.hasInterruptsOnly(cause) || CliError.isCliError(error) ? Effect.void : Console.error(messageOf(error))
  }),
  Effect.provide(Layer.merge(NodeServices.layer, Logger.layer([])))
)

const messageOf = (error: unknown): string => {
  if (error instanceof Config.ConfigError) {
    const { problem, variable } = configProblem(error)
    return `${variable} ${problem}`
  }
  return reasonOf(error)
}
