/** `system` and `who-had`: the machines that were seen, and who had which address. */
import { Clock, Effect, Option } from "effect"
import { Command } from "effect/cli"
import { holdingColumns } from "../domain/views/system.ts"
import { orUndefined } from "../globals.ts"
import { pages } from "../pages.ts"
import { printRows } from "../print.ts"
import { argument, limit, readOptional, readTime, text } from "./flags.ts"
import {
  systemApprove,
  systemBlock,
  systemIgnore,
  systemKnown,
  systemRegister,
  systemRename,
  systemUnblock
} from "./system/change.ts"
import { systemList, systemShow, systemWatch, systemWhy } from "./system/list.ts"

export const system = Command.make("system").pipe(
  Command.withDescription("Machines: what was seen of them, and what is decided about them"),
  Command.withExamples([{ command: "ipmanager system list", description: "All of them" }]),
  Command.withSubcommands([
    systemList,
    systemShow,
    systemApprove,
    systemIgnore,
    systemBlock,
    systemUnblock,
    systemKnown,
    systemRename,
    systemRegister,
    systemWatch,
    systemWhy
  ])
)

export const whoHad = Command.make(
  "who-had",
  {
    key: argument("address", "An address; or a MAC, for the addresses that it had"),
    at: text("at", "TIME", "Only then: a time, or how long ago such as 2h"),
    limit
  },
  Effect.fn("who-had")(function*(input) {
    const now = yield* Clock.currentTimeMillis
    const at = yield* readOptional(input.at, (time) => readTime("--at", time, now))
    const request = { key: input.key, ...(at === undefined ? {} : { at: { ...at } }) }
    yield* printRows(
      holdingColumns,
      pages(orUndefined(input.limit), async (client, page, context) => {
        const { holdings, nextPageToken } = await client.watcher.listAddressHistory({ ...request, ...page }, context)
        return { items: holdings, nextPageToken }
      }),
      Option.isSome(input.at) ? "nobody had it then" : "nobody is known to have had it"
    )
  })
).pipe(
  Command.withDescription("Tell who had an address, when, and which DHCP server said so"),
  Command.withExamples([
    { command: "ipmanager who-had 10.0.0.7 --at '2026-11-22 03:50'", description: "At a time (local)" },
    { command: "ipmanager who-had 52:54:00:12:34:56", description: "Every address that a machine had" }
  ])
)
