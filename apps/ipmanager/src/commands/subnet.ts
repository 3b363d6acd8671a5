/** `subnet` and `next-free`: networks, and what is free in them. */
import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import { harmless } from "../domain/output/harmless.ts"
import { subnetColumns } from "../domain/views/subnet.ts"
import { pages } from "../pages.ts"
import { printOne, printRows } from "../print.ts"
import { Registry } from "../Registry.ts"
import { Screen } from "../Screen.ts"
import { argument, dhcpServer, dryRun } from "./flags.ts"
import { subnetAdd, subnetRm, subnetSet } from "./subnet/change.ts"

const list = Command.make(
  "list",
  { dhcpServer },
  Effect.fn("subnet.list")(function*(input) {
    const server = Option.getOrElse(input.dhcpServer, () => "")
    yield* printRows(
      subnetColumns,
      pages(undefined, async (client, page, context) => {
        const { nextPageToken, subnets } = await client.ipam.listSubnets({ server, ...page }, context)
        return { items: subnets, nextPageToken }
      }),
      "no subnet matches"
    )
  })
).pipe(
  Command.withDescription("List subnets with what is reserved, leased and free in them"),
  Command.withExamples([{ command: "ipmanager subnet list --dhcp-server lab", description: "Those of one server" }])
)

const show = Command.make(
  "show",
  { key: argument("subnet", "CIDR, name, or an address in it") },
  Effect.fn("subnet.show")(function*({ key }) {
    const registry = yield* Registry
    const { subnet } = yield* registry.call((client, context) => client.ipam.getSubnet({ key }, context))
    if (subnet !== undefined) yield* printOne(subnetColumns, subnet)
  })
).pipe(
  Command.withDescription("Show one subnet"),
  Command.withExamples([{ command: "ipmanager subnet show 10.0.0.7", description: "The one that an address is in" }])
)

export const subnet = Command.make("subnet").pipe(
  Command.withDescription("Subnets: networks, their ranges, and the DHCP servers that serve them"),
  Command.withExamples([{ command: "ipmanager subnet list", description: "All of them" }]),
  Command.withSubcommands([subnetAdd, list, show, subnetSet, subnetRm])
)

export const nextFree = Command.make(
  "next-free",
  { subnet: argument("subnet", "CIDR or name"), dryRun },
  Effect.fn("next-free")(function*({ dryRun, subnet }) {
    const registry = yield* Registry
    const screen = yield* Screen
    const free = yield* registry.call((client, context) => client.ipam.nextFreeAddress({ subnet, dryRun }, context))
    if (dryRun) {
      yield* screen.err(`dry run: ${harmless(free.address)} is free, and not held for you; nothing was changed\n`)
    }
    yield* printOne([
      { key: "address", value: () => free.address },
      { key: "held_until", value: () => (dryRun ? undefined : free.heldUntil) }
    ], {})
  })
).pipe(
  Command.withDescription("Tell a free address that nobody else is told for a minute"),
  Command.withExamples([
    { command: "ipmanager next-free office", description: "To reserve one at once: host add … --address next" }
  ])
)
