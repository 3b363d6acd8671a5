/** `host set` and `host move`: changes of a reservation. */
import type { MessageInitShape } from "@bufbuild/protobuf"
import type { ReservationSchema } from "@leasehold/registry-api"
import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import { told, toldOthers } from "../../changes.ts"
import { failed, misused } from "../../domain/Failure.ts"
import { plainMac } from "../../domain/imports/ImportItem.ts"
import { reservationColumns, reservationLabel } from "../../domain/views/reservation.ts"
import { printOne } from "../../print.ts"
import { Registry } from "../../Registry.ts"
import { argument, dryRun, text, texts, toggle } from "../flags.ts"
import { readLease } from "./lease.ts"

type Fields = MessageInitShape<typeof ReservationSchema>

const update = Effect.fnUntraced(function*(
  key: string,
  reservation: Fields,
  paths: ReadonlyArray<string>,
  dryRun: boolean,
  done: string
) {
  const registry = yield* Registry
  const answer = yield* registry.call((client, context) =>
    client.ipam.updateReservation({ key, reservation, updateMask: { paths: [...paths] }, dryRun }, context)
  )
  if (answer.reservation === undefined) return
  yield* told(`${reservationLabel(answer.reservation)} is ${done}`, answer.change, dryRun)
  yield* toldOthers(answer.change, answer.reservation.macs)
  yield* printOne(reservationColumns, answer.reservation)
})

/** The MACs after the change; undefined where none was asked for. */
const macsAfter = Effect.fnUntraced(function*(
  key: string,
  { add, macs, remove }: Readonly<Record<"add" | "macs" | "remove", ReadonlyArray<string>>>
) {
  if (macs.length > 0 && add.length + remove.length > 0) {
    return yield* misused("--mac says all MACs; --add-mac and --remove-mac change some", "Give one or the other.")
  }
  if (macs.length > 0) return macs.map(plainMac)
  if (add.length + remove.length === 0) return undefined
  const registry = yield* Registry
  const { reservation } = yield* registry.call((client, context) => client.ipam.getReservation({ key }, context))
  const present = reservation?.macs ?? []
  const gone = new Set(remove.map(plainMac))
  const absent = [...gone].filter((mac) => !present.includes(mac))
  if (absent.length > 0) {
    return yield* failed(`--remove-mac: ${key} has no ${absent.join(", ")}`, `It has ${present.join(", ")}.`)
  }
  const left = [...new Set([...present, ...add.map(plainMac)])].filter((mac) => !gone.has(mac))
  return left.length === 0
    ? yield* misused("--remove-mac: a reservation has at least one MAC", `Remove it with: ipmanager host rm ${key}`)
    : left
})

export const hostSet = Command.make(
  "set",
  {
    key: argument("host", "Address, name, name.domain, MAC, or identifier"),
    name: text("name", "NAME", "Another name"),
    mac: texts("mac", "MAC", "All MACs it shall have"),
    addMac: texts("add-mac", "MAC", "A MAC besides those that it has"),
    removeMac: texts("remove-mac", "MAC", "A MAC that it shall not have any more"),
    leaseTime: text("lease-time", "TIME", "Such as 12h, `infinite`, or `default` for that of the subnet"),
    comment: text("comment", "TEXT", "A note for people; empty to remove it"),
    enabled: toggle("enabled", "Give it to DHCP servers, or with --no-enabled to none"),
    dryRun
  },
  Effect.fn("host.set")(function*(input) {
    const macs = yield* macsAfter(input.key, { macs: input.mac, add: input.addMac, remove: input.removeMac })
    const lease = yield* readLease(input.leaseTime)
    const paths = [
      ...(macs === undefined ? [] : ["macs"]),
      ...(Option.isSome(input.name) ? ["name"] : []),
      ...(lease.given ? ["lease_time", "lease_infinite"] : []),
      ...(Option.isSome(input.comment) ? ["comment"] : []),
      ...(Option.isSome(input.enabled) ? ["enabled"] : [])
    ]
    if (paths.length === 0) {
      return yield* misused(
        "nothing to set",
        "Say what: --name, --mac, --lease-time, --comment, --enabled; an address with `host move`."
      )
    }
    yield* update(
      input.key,
      {
        macs: [...macs ?? []],
        name: Option.getOrElse(input.name, () => ""),
        comment: Option.getOrElse(input.comment, () => ""),
        enabled: Option.getOrElse(input.enabled, () => true),
        ...lease.fields
      },
      paths,
      input.dryRun,
      "changed"
    )
  })
).pipe(
  Command.withDescription("Change a reservation; what is not given stays"),
  Command.withExamples([
    {
      command: "ipmanager host set plotter --name plotter2 --comment 'Rack 3'",
      description: "Another name and a note"
    },
    { command: "ipmanager host set notebook --add-mac 3c:52:82:00:00:03", description: "Another interface of it" }
  ])
)

export const hostMove = Command.make(
  "move",
  {
    key: argument("host", "Address, name, name.domain, MAC, or identifier"),
    address: argument("address", "Its new address, or `next` for the next free one"),
    subnet: text("subnet", "SUBNET", "The subnet of the address; with `next`, where it is not the one that it is in"),
    dryRun
  },
  Effect.fn("host.move")(function*(input) {
    const { address, dryRun, key } = input
    const subnet = Option.getOrElse(input.subnet, () => "")
    yield* update(key, { address, subnet }, ["address"], dryRun, "moved")
  })
).pipe(
  Command.withDescription("Give a reservation another address"),
  Command.withExamples([
    { command: "ipmanager host move plotter 10.0.0.12", description: "To an address" },
    {
      command: "ipmanager host move plotter next --subnet servers",
      description: "To the next free one of another subnet"
    }
  ])
)
