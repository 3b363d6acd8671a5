/** `watcher`: what the ingests watch, and how far they are. */
import { Effect, Option, Stream } from "effect"
import { Argument, Command } from "effect/cli"
import { told } from "../changes.ts"
import { configurationColumns, sourceColumns, sourceRows } from "../domain/views/watcher.ts"
import { pages } from "../pages.ts"
import { printOne, printRows } from "../print.ts"
import { Registry } from "../Registry.ts"
import { dryRun, text, texts } from "./flags.ts"
import { requireKnown, warnUnlessKnown } from "./knownServer.ts"

const serverName = Argument.String("name").pipe(
  Argument.withDescription("Name of the DHCP server; all where it is left out"),
  Argument.optional
)

const status = Command.make(
  "status",
  { server: serverName },
  Effect.fn("watcher.status")(function*(input) {
    const server = Option.getOrElse(input.server, () => "")
    if (server !== "") yield* requireKnown(server)
    const rows = pages(undefined, async (client, page, context) => {
      const { ingests, nextPageToken } = await client.watcher.getWatcherStatus({ server, ...page }, context)
      return { items: sourceRows(ingests), nextPageToken }
    })
    yield* printRows(sourceColumns, rows, "no ingest has reported")
  })
).pipe(
  Command.withDescription("Show what each ingest reported last: sources, positions, lag, events, gaps"),
  Command.withExamples([{ command: "ipmanager watcher status", description: "A row for each source" }])
)

const configure = Command.make(
  "configure",
  {
    server: serverName,
    logFile: texts("log-file", "PATH", "Absolute path of a log of dnsmasq, in place of those of now"),
    zone: text("zone", "ZONE", "IANA time zone of log lines that name none; empty for the ingest's own"),
    dryRun
  },
  Effect.fn("watcher.configure")(function*(input) {
    const registry = yield* Registry
    const server = Option.getOrElse(input.server, () => "")
    const { configurations } = yield* registry.call((client, context) =>
      client.watcher.getWatcherConfiguration({ server }, context)
    )
    if (input.logFile.length === 0 && Option.isNone(input.zone)) {
      return yield* printRows(configurationColumns, Stream.fromIterable(configurations), "nothing is configured")
    }
    yield* warnUnlessKnown(server)
    // What is not given stays; the registry answers to one server with its configuration, or with none.
    const present = server === "" ? undefined : configurations[0]
    const { change, configuration } = yield* registry.call((client, context) =>
      client.watcher.configureWatcher({
        configuration: {
          server,
          logFiles: input.logFile.length === 0 ? [...present?.logFiles ?? []] : [...input.logFile],
          zone: Option.getOrElse(input.zone, () => present?.zone ?? "")
        },
        dryRun: input.dryRun
      }, context)
    )
    if (configuration === undefined) return
    yield* told(`what the ingest of ${configuration.server} watches is changed`, change, input.dryRun)
    yield* printOne(configurationColumns, configuration)
  })
).pipe(
  Command.withDescription("Set what the ingest of a DHCP server watches; without flags, show it"),
  Command.withExamples([
    { command: "ipmanager watcher configure", description: "Show what is configured" },
    { command: "ipmanager watcher configure lab --log-file /var/log/dnsmasq.log", description: "Watch one log" }
  ])
)

export const watcher = Command.make("watcher").pipe(
  Command.withDescription("The ingests: what they watch, and how far they are"),
  Command.withExamples([{ command: "ipmanager watcher status", description: "A row for each source" }]),
  Command.withSubcommands([status, configure])
)
