/** `host list` and `host show`: reservations as they are decided. */
import { ReservationSource } from "@leasehold/registry-api"
import { Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { misused } from "../../domain/Failure.ts"
import { plainMac } from "../../domain/imports/ImportItem.ts"
import { reservationColumns } from "../../domain/views/reservation.ts"
import { orUndefined } from "../../globals.ts"
import { pages } from "../../pages.ts"
import { printOne, printRows } from "../../print.ts"
import { Registry } from "../../Registry.ts"
import { argument, dhcpServer, limit, onOff, text } from "../flags.ts"

const sources = {
  administrator: ReservationSource.ADMINISTRATOR,
  auto: ReservationSource.AUTO,
  import: ReservationSource.IMPORT
} as const

export const hostList = Command.make(
  "list",
  {
    subnet: text("subnet", "SUBNET", "Only of this subnet, by CIDR or name"),
    name: text("name", "TEXT", "Only names that contain this text"),
    mac: text("mac", "MAC", "Only of this MAC"),
    source: Flag.Literals("source", ["administrator", "auto", "import"]).pipe(
      Flag.withDescription("Only those made so; may be repeated"),
      Flag.atLeast(0),
      Flag.withDefault([])
    ),
    dhcpServer,
    enabled: onOff("enabled", "Only what DHCP servers are given"),
    disabled: onOff("disabled", "Only what no DHCP server is given"),
    limit
  },
  Effect.fn("host.list")(function*(input) {
    if (input.enabled && input.disabled) return yield* misused("--enabled and --disabled leave nothing", "Give one.")
    const filter = {
      subnet: Option.getOrElse(input.subnet, () => ""),
      name: Option.getOrElse(input.name, () => ""),
      mac: plainMac(Option.getOrElse(input.mac, () => "")),
      server: Option.getOrElse(input.dhcpServer, () => ""),
      sources: input.source.map((source) => sources[source]),
      ...(input.enabled || input.disabled ? { enabled: input.enabled } : {})
    }
    yield* printRows(
      reservationColumns,
      pages(orUndefined(input.limit), async (client, page, context) => {
        const { nextPageToken, reservations } = await client.ipam.listReservations({ filter, ...page }, context)
        return { items: reservations, nextPageToken }
      }),
      "no reservation matches"
    )
  })
).pipe(
  Command.withDescription("List reservations, in the order of their addresses"),
  Command.withExamples([
    { command: "ipmanager host list --subnet office", description: "Those of one subnet" },
    {
      command: "ipmanager host list --source auto --json",
      description: "What was reserved automatically, for a program"
    }
  ])
)

export const hostShow = Command.make(
  "show",
  { key: argument("host", "Address, name, name.domain, MAC, or identifier") },
  Effect.fn("host.show")(function*({ key }) {
    const registry = yield* Registry
    const { reservation } = yield* registry.call((client, context) => client.ipam.getReservation({ key }, context))
    if (reservation !== undefined) yield* printOne(reservationColumns, reservation)
  })
).pipe(
  Command.withDescription("Show one reservation with everything that is known of it"),
  Command.withExamples([{ command: "ipmanager host show plotter", description: "By its name" }])
)
