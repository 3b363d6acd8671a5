/** The whole command line as one tree. */
import { Command } from "effect/cli"
import { globals } from "../globals.ts"
import { Registry } from "../Registry.ts"
import { log, undo } from "./changeLog.ts"
import { check } from "./check.ts"
import { completions } from "./completions.ts"
import { exportHosts } from "./export.ts"
import { host } from "./host.ts"
import { importHosts } from "./import.ts"
import { policy } from "./policy.ts"
import { server } from "./server.ts"
import { nextFree, subnet } from "./subnet.ts"
import { system, whoHad } from "./system.ts"
import { token, whoami } from "./token.ts"
import { watcher } from "./watcher.ts"

export const root = Command.make("ipmanager").pipe(
  Command.withDescription(
    "Administer addresses, names and machines: what dnsmasq gives to whom, and what was seen of them."
  ),
  Command.withExamples([
    { command: "ipmanager host add 52:54:00:12:34:56 --address 10.0.0.7 --name plotter", description: "Reserve" },
    { command: "ipmanager system list --unreserved", description: "What was seen and is not reserved" },
    { command: "ipmanager log --since 1d", description: "What was changed since yesterday" }
  ]),
  Command.withSubcommands([
    host,
    subnet,
    nextFree,
    system,
    whoHad,
    policy,
    server,
    watcher,
    log,
    undo,
    importHosts,
    exportHosts,
    check,
    token,
    whoami,
    completions((): Command.Command.Any => root)
  ]),
  Command.provide(Registry.layer),
  Command.withGlobalFlags(globals)
)
