/**
 * The command line: results on stdout, everything else on stderr.
 *
 * The daemon is no part of it: that takes no arguments, and lives in a Node that was started for it.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Logger } from "effect"
import { Command } from "effect/cli"
import { parse } from "./commands/parse.ts"
import { VERSION } from "./version.ts"

const ingest = Command.make("ingest").pipe(
  Command.withDescription("Without arguments: follow dnsmasq's log files and publish their DHCP events to NATS"),
  Command.withSubcommands([parse])
)

ingest.pipe(
  Command.run({ version: VERSION }),
  Effect.provide(Layer.merge(NodeServices.layer, Layer.succeed(Logger.LogToStderr, true))),
  NodeRuntime.runMain
)
