/** `import`: hosts from the files of others, all of them or none. */
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { dryRun, text } from "./flags.ts"

export const importHosts = Command.make(
  "import",
  {
    files: Argument.String("file").pipe(
      Argument.withDescription("Files to import, `-` for what is piped in"),
      Argument.variadic({ min: 1 })
    ),
    format: Flag.Literals("format", ["auto", "dnsmasq", "hosts", "ethers", "etc-hosts", "leases", "csv", "json", "kea"])
      .pipe(
        Flag.withDescription("What the files are; found out by itself for each where it is auto"),
        Flag.withDefault("auto" as const)
      ),
    mode: Flag.Literals("mode", ["add", "update", "replace"]).pipe(
      Flag.withDescription(
        "add: what is there must be the same; update: is changed; replace: what is not imported is removed, too"
      ),
      Flag.withDefault("add" as const)
    ),
    subnet: text("subnet", "SUBNET", "Of hosts that have no address and name no subnet"),
    dryRun
  },
  // Loaded only where it is wanted: a `host list` reads no files.
  Effect.fn("import")(function*(input) {
    const { runImport } = yield* Effect.promise(() => import("./import/runImport.ts"))
    yield* runImport(input)
  })
).pipe(
  Command.withDescription(
    "Import hosts from dnsmasq's configuration, hosts files, ethers, leases, CSV, JSON or Kea: shows what would change and every problem by line, asks, then does all or nothing"
  ),
  Command.withExamples([
    { command: "ipmanager import /etc/dnsmasq.conf --dry-run", description: "With all the files that it includes" },
    {
      command: "ipmanager import /etc/ethers /etc/hosts --dry-run",
      description: "Names of the one for addresses of the other"
    },
    {
      command: "ipmanager export --format csv > hosts.csv && ipmanager import hosts.csv --mode update --dry-run",
      description: "What was exported, and edited in between; --yes in a script"
    },
    { command: "ipmanager import /etc/kea/kea-dhcp4.conf --format kea --dry-run", description: "Kea's reservations" }
  ])
)
