/** `host add`: reserves an address and a name for one or more MACs. */
import { Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { told, toldOthers } from "../../changes.ts"
import { misused } from "../../domain/Failure.ts"
import { plainMac } from "../../domain/imports/ImportItem.ts"
import { reservationColumns, reservationLabel } from "../../domain/views/reservation.ts"
import { printOne } from "../../print.ts"
import { Registry } from "../../Registry.ts"
import { dryRun, onOff, text } from "../flags.ts"
import { readLease } from "./lease.ts"

const flags = {
  macs: Argument.String("mac").pipe(
    Argument.withDescription(
      "MAC of the machine, in any usual spelling; several of one machine that uses one of them at a time"
    ),
    Argument.variadic({ min: 1 })
  ),
  address: text("address", "ADDRESS", "The address, or `next` for the next free one of --subnet"),
  name: text("name", "NAME", "The name; made by the subnet's policy where it is left out"),
  subnet: text("subnet", "SUBNET", "CIDR or name of the subnet; needed with `--address next` and without an address"),
  leaseTime: text("lease-time", "TIME", "Such as 12h or 7d, or `infinite`; that of the subnet where it is left out"),
  comment: text("comment", "TEXT", "A note for people"),
  ignore: onOff("ignore", "dnsmasq shall not answer these MACs in --subnet"),
  disabled: onOff("disabled", "Keep it, and give it to no DHCP server"),
  dryRun
}

export const hostAdd = Command.make(
  "add",
  flags,
  Effect.fn("host.add")(function*(input) {
    const registry = yield* Registry
    const address = Option.getOrElse(input.address, () => "")
    const subnet = Option.getOrElse(input.subnet, () => "")
    if (input.ignore && (address !== "" || Option.isSome(input.name))) {
      return yield* misused("--ignore: dnsmasq gives an ignored machine neither address nor name", "Leave them out.")
    }
    if (subnet === "" && (address === "" || address === "next")) {
      return yield* misused(
        "without an address of its own, the subnet is to be said",
        "Give --address, or --subnet for a name only or for `--address next`."
      )
    }
    const lease = yield* readLease(input.leaseTime)
    const { change, reservation } = yield* registry.call((client, context) =>
      client.ipam.createReservation({
        reservation: {
          macs: input.macs.map(plainMac),
          address,
          subnet,
          name: Option.getOrElse(input.name, () => ""),
          comment: Option.getOrElse(input.comment, () => ""),
          ignore: input.ignore,
          ...lease.fields
        },
        disabled: input.disabled,
        dryRun: input.dryRun
      }, context)
    )
    if (reservation === undefined) return
    yield* told(`${reservationLabel(reservation)} is added`, change, input.dryRun)
    yield* toldOthers(change, reservation.macs)
    yield* printOne(reservationColumns, reservation)
  })
).pipe(
  Command.withDescription("Reserve an address and a name for a machine"),
  Command.withExamples([
    {
      command: "ipmanager host add 52:54:00:12:34:56 --address 10.0.0.7 --name plotter",
      description: "An address and a name"
    },
    {
      command: "ipmanager host add 52:54:00:12:34:56 --address next --subnet office --name copier",
      description: "The next free address of a subnet"
    },
    {
      command: "ipmanager host add 3c:52:82:00:00:01 3c:52:82:00:00:02 --address 10.0.0.8 --name notebook",
      description: "A notebook's dock and its radio"
    }
  ])
)
