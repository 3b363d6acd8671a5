/** What the renderer's program says of itself; it takes no arguments but those that ask for that. */
import { NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import { Command } from "effect/cli"

const renderer = Command.make("renderer").pipe(
  Command.withDescription(
    "Without arguments: keep dnsmasq's file of reservations as PostgreSQL wants it; its settings come from the environment"
  )
)

export const cli = Command.run(renderer, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer))
