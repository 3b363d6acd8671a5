/** `host`: reservations, as an administrator thinks of them. */
import { Command } from "effect/cli"
import { hostAdd } from "./host/add.ts"
import { hostList, hostShow } from "./host/list.ts"
import { hostRm } from "./host/rm.ts"
import { hostMove, hostSet } from "./host/set.ts"

export const host = Command.make("host").pipe(
  Command.withDescription("Reservations: which machine gets which address and name"),
  Command.withExamples([{ command: "ipmanager host list", description: "All of them" }]),
  Command.withSubcommands([hostAdd, hostList, hostShow, hostSet, hostRm, hostMove])
)
