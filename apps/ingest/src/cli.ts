/** The command line: results on stdout, everything else on stderr. Without a command it is the daemon. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Logger } from "effect"
import { Command } from "effect/cli"
import { parse } from "./commands/parse.ts"
import { daemon } from "./daemon.ts"

const ingest = Command.make("ingest", {}, () => daemon).pipe(
  Command.withDescription("Follow dnsmasq's log files and publish their DHCP events to NATS"),
  Command.withSubcommands([parse])
)

ingest.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide(Layer.merge(NodeServices.layer, Layer.succeed(Logger.LogToStderr, true))),
  NodeRuntime.runMain
)
