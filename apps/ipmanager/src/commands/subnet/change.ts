/** `subnet add`, `subnet set` and `subnet rm`. */
import { Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { confirm, told } from "../../changes.ts"
import { misused } from "../../domain/Failure.ts"
import { subnetColumns } from "../../domain/views/subnet.ts"
import { counted } from "../../domain/words.ts"
import { printOne } from "../../print.ts"
import { Registry } from "../../Registry.ts"
import { argument, dryRun, onOff, text } from "../flags.ts"
import { fieldFlags, readFields } from "./fields.ts"

export const subnetAdd = Command.make(
  "add",
  {
    cidr: argument("cidr", "The network, such as 10.0.0.0/24"),
    name: Flag.String("name").pipe(
      Flag.withMetavar("NAME"),
      Flag.withDescription("What people call it; its CIDR where it is left out"),
      Flag.optional
    ),
    ...fieldFlags,
    dryRun
  },
  Effect.fn("subnet.add")(function*(input) {
    const registry = yield* Registry
    const fields = yield* readFields(input)
    const subnet = { ...fields.subnet, cidr: input.cidr, name: Option.getOrElse(input.name, () => input.cidr) }
    const answer = yield* registry.call((client, context) =>
      client.ipam.createSubnet({ subnet, dryRun: input.dryRun }, context)
    )
    if (answer.subnet === undefined) return
    yield* told(`${answer.subnet.cidr} is added`, answer.change, input.dryRun)
    yield* printOne(subnetColumns, answer.subnet)
  })
).pipe(
  Command.withDescription("Declare a subnet"),
  Command.withExamples([
    {
      command:
        "ipmanager subnet add 10.0.0.0/24 --name office --range 10.0.0.100-10.0.0.199 --gateway 10.0.0.1 --dhcp-server lab",
      description: "Hosts are reserved below .100, the rest is dynamic"
    },
    {
      command: "ipmanager subnet add 10.1.0.0/24 --name lab --policy auto --dhcp-server lab --dry-run",
      description: "Would it be accepted?"
    }
  ])
)

export const subnetSet = Command.make(
  "set",
  {
    key: argument("subnet", "CIDR or name"),
    name: text("name", "NAME", "Another name"),
    ...fieldFlags,
    dryRun
  },
  Effect.fn("subnet.set")(function*(input) {
    const registry = yield* Registry
    const fields = yield* readFields(input)
    const paths = [...(Option.isSome(input.name) ? ["name"] : []), ...fields.paths]
    const subnet = { ...fields.subnet, name: Option.getOrElse(input.name, () => "") }
    if (paths.length === 0) return yield* misused("nothing to set", "See `ipmanager subnet set --help`.")
    const answer = yield* registry.call((client, context) =>
      client.ipam.updateSubnet(
        { key: input.key, subnet, updateMask: { paths }, dryRun: input.dryRun },
        context
      )
    )
    if (answer.subnet === undefined) return
    yield* told(`${answer.subnet.cidr} is changed`, answer.change, input.dryRun)
    yield* printOne(subnetColumns, answer.subnet)
  })
).pipe(
  Command.withDescription("Change a subnet; what is not given stays, lists are replaced"),
  Command.withExamples([
    { command: "ipmanager subnet set office --range 10.0.0.50-10.0.0.199", description: "A larger range" },
    { command: "ipmanager subnet set office --exclude 10.0.0.2-10.0.0.9", description: "Addresses for routers" }
  ])
)

export const subnetRm = Command.make(
  "rm",
  {
    key: argument("subnet", "CIDR or name"),
    withReservations: onOff("with-reservations", "Its reservations too; otherwise it must have none"),
    dryRun
  },
  Effect.fn("subnet.rm")(function*({ dryRun, key, withReservations }) {
    const registry = yield* Registry
    if (!dryRun) {
      const { subnet } = yield* registry.call((client, context) => client.ipam.getSubnet({ key }, context))
      const reserved = subnet?.utilisation?.reserved ?? 0n
      const also = withReservations && reserved > 0n ? ` with its ${counted(reserved, "reservation")}` : ""
      const name = subnet === undefined || subnet.name === subnet.cidr ? "" : ` (${subnet.name})`
      yield* confirm(`Remove ${subnet?.cidr ?? key}${name}${also}?`)
    }
    const { change, reservations } = yield* registry.call((client, context) =>
      client.ipam.deleteSubnet({ key, withReservations, dryRun }, context)
    )
    yield* told(`${key} is removed`, change, dryRun)
    yield* printOne([
      { key: "subnet", value: () => key },
      { key: "reservations", value: () => reservations }
    ], {})
  })
).pipe(
  Command.withDescription("Remove a subnet"),
  Command.withExamples([
    { command: "ipmanager subnet rm lab --with-reservations --dry-run", description: "How many reservations would go?" }
  ])
)
