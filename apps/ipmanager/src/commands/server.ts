/** `server`: the DHCP servers, and what became of their files. */
import { Effect, Stream } from "effect"
import { Command } from "effect/cli"
import { serverColumns } from "../domain/views/server.ts"
import { printOne, printRows } from "../print.ts"
import { Registry } from "../Registry.ts"
import { argument } from "./flags.ts"

const list = Command.make(
  "list",
  {},
  Effect.fn("server.list")(function*() {
    const registry = yield* Registry
    const { servers } = yield* registry.call((client, context) => client.server.listServers({}, context))
    yield* printRows(serverColumns, Stream.fromIterable(servers), "no DHCP server is known")
  })
).pipe(
  Command.withDescription("List DHCP servers: whether each uses what is decided"),
  Command.withExamples([{ command: "ipmanager server list", description: "All of them" }])
)

const show = Command.make(
  "show",
  { server: argument("name", "Name of the DHCP server") },
  Effect.fn("server.show")(function*(input) {
    const registry = yield* Registry
    const { server } = yield* registry.call((client, context) =>
      client.server.getServer({ server: input.server }, context)
    )
    if (server !== undefined) yield* printOne(serverColumns, server)
  })
).pipe(
  Command.withDescription("Show one DHCP server, with why its last file failed if it did"),
  Command.withExamples([{ command: "ipmanager server show lab", description: "By its name" }])
)

export const server = Command.make("server").pipe(
  Command.withDescription("DHCP servers, and what became of their files"),
  Command.withExamples([{ command: "ipmanager server list", description: "All of them" }]),
  Command.withSubcommands([list, show])
)
