/** `ingest parse` alone, for its test. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { parse } from "../src/commands/parse.ts"

Command.make("ingest").pipe(
  Command.withSubcommands([parse]),
  Command.run({ version: "0.1.0" }),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
