/** `host rm`: ends a reservation. */
import { Effect } from "effect"
import { Command } from "effect/cli"
import { confirm, told } from "../../changes.ts"
import { reservationColumns, reservationLabel } from "../../domain/views/reservation.ts"
import { printOne } from "../../print.ts"
import { Registry } from "../../Registry.ts"
import { argument, dryRun } from "../flags.ts"

export const hostRm = Command.make(
  "rm",
  { key: argument("host", "Address, name, name.domain, MAC, or identifier"), dryRun },
  Effect.fn("host.rm")(function*({ dryRun, key }) {
    const registry = yield* Registry
    if (!dryRun) {
      const { reservation } = yield* registry.call((client, context) => client.ipam.getReservation({ key }, context))
      if (reservation !== undefined) yield* confirm(`Remove ${reservationLabel(reservation)}?`)
    }
    const { change, reservation } = yield* registry.call((client, context) =>
      client.ipam.deleteReservation({ key, dryRun }, context)
    )
    if (reservation === undefined) return
    yield* told(`${reservationLabel(reservation)} is removed`, change, dryRun)
    yield* printOne(reservationColumns, reservation)
  })
).pipe(
  Command.withDescription("End a reservation; the machine keeps its lease until that ends"),
  Command.withExamples([
    { command: "ipmanager host rm plotter", description: "Asks first" },
    { command: "ipmanager host rm 10.0.0.7 --yes", description: "In a script" }
  ])
)
