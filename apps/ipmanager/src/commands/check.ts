/** `check`: reviews what is decided and observed, and dnsmasq's configuration with it. */
import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import { text, texts } from "./flags.ts"

export const check = Command.make(
  "check",
  {
    conf: texts("dnsmasq-conf", "FILE", "A configuration of dnsmasq to review, with all that it includes"),
    dhcpServer: text("dhcp-server", "NAME", "The DHCP server whose configuration it is")
  },
  // Loaded only where it is wanted: a `host list` reads no files.
  Effect.fn("check")(function*(input) {
    const { runCheck } = yield* Effect.promise(() => import("./check/runCheck.ts"))
    yield* runCheck(input.conf, Option.getOrUndefined(input.dhcpServer))
  })
).pipe(
  Command.withDescription("Review the registry, and dnsmasq's configuration: what is wrong, and what to do about it"),
  Command.withExamples([
    { command: "ipmanager check", description: "Subnets, reservations, servers" },
    {
      command: "ipmanager check --dnsmasq-conf /etc/dnsmasq.conf --dhcp-server lab",
      description: "And the configuration of one DHCP server"
    }
  ])
)
