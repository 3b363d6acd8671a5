/** `system list`, `system show`, `system why` and `system watch`: what was seen. */
import { SystemState } from "@leasehold/registry-api"
import { Clock, Effect, Option, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import { harmless } from "../../domain/output/harmless.ts"
import { jsonObject, jsonText } from "../../domain/output/json.ts"
import { renderRecord, renderTable } from "../../domain/output/table.ts"
import { evidenceColumns, systemColumns, watchColumns, watchLine } from "../../domain/views/system.ts"
import { misused } from "../../domain/Failure.ts"
import { orUndefined } from "../../globals.ts"
import { pages } from "../../pages.ts"
import { format, printEvents, printOne, printRows } from "../../print.ts"
import { Registry } from "../../Registry.ts"
import { Screen } from "../../Screen.ts"
import { argument, dhcpServer, limit, onOff, readOptional, readTime, text } from "../flags.ts"

const states = { known: SystemState.KNOWN, ignored: SystemState.IGNORED, blocked: SystemState.BLOCKED } as const

const filterFlags = {
  subnet: text("subnet", "SUBNET", "Only with an address in this subnet"),
  state: Flag.Literals("state", ["known", "ignored", "blocked"]).pipe(
    Flag.withDescription("Only in this state; may be repeated"),
    Flag.atLeast(0),
    Flag.withDefault([])
  ),
  seenSince: text("seen-since", "TIME", "Only seen since then: a time, or how long ago such as 2h"),
  name: text("name", "TEXT", "Only names that contain this text"),
  vendor: text("vendor", "TEXT", "Only vendors that contain this text"),
  dhcpServer,
  reserved: onOff("reserved", "Only with a reservation"),
  unreserved: onOff("unreserved", "Only without a reservation")
}

type Given = {
  readonly [Name in keyof typeof filterFlags]: (typeof filterFlags)[Name] extends Flag.Flag<infer A> ? A : never
}

const readFilter = Effect.fnUntraced(function*(given: Given) {
  if (given.reserved && given.unreserved)
    return yield* misused("--reserved and --unreserved leave nothing", "Give one.")
  const now = yield* Clock.currentTimeMillis
  const seenSince = yield* readOptional(given.seenSince, (time) => readTime("--seen-since", time, now))
  return {
    subnet: Option.getOrElse(given.subnet, () => ""),
    states: given.state.map((state) => states[state]),
    name: Option.getOrElse(given.name, () => ""),
    vendor: Option.getOrElse(given.vendor, () => ""),
    server: Option.getOrElse(given.dhcpServer, () => ""),
    ...(seenSince === undefined ? {} : { seenSince: { ...seenSince } }),
    ...(given.reserved || given.unreserved ? { reserved: given.reserved } : {})
  }
})

export const systemList = Command.make(
  "list",
  { ...filterFlags, limit },
  Effect.fn("system.list")(function*(input) {
    const filter = yield* readFilter(input)
    yield* printRows(
      systemColumns,
      pages(orUndefined(input.limit), async (client, page, context) => {
        const { nextPageToken, systems } = await client.watcher.listSystems({ filter, ...page }, context)
        return { items: systems, nextPageToken }
      }),
      "no system matches"
    )
  })
).pipe(
  Command.withDescription("List the machines that were seen"),
  Command.withExamples([
    { command: "ipmanager system list --unreserved --seen-since 1d", description: "What could be approved" },
    { command: "ipmanager system list --vendor espressif --csv", description: "For a spreadsheet" }
  ])
)

export const systemShow = Command.make(
  "show",
  { key: argument("system", "MAC, address held now, or name") },
  Effect.fn("system.show")(function*({ key }) {
    const registry = yield* Registry
    const { system } = yield* registry.call((client, context) => client.watcher.getSystem({ key }, context))
    if (system !== undefined) yield* printOne(systemColumns, system)
  })
).pipe(
  Command.withDescription("Show everything that is known of one machine"),
  Command.withExamples([{ command: "ipmanager system show 52:54:00:12:34:56", description: "By its MAC" }])
)

export const systemWatch = Command.make(
  "watch",
  {
    ...filterFlags,
    resume: text("resume", "TOKEN", "The last `resume_token` of an earlier watch: only what changed since")
  },
  Effect.fn("system.watch")(function*(input) {
    const registry = yield* Registry
    const filter = yield* readFilter(input)
    const { zone } = yield* Screen
    const resumeToken = Option.getOrElse(input.resume, () => "")
    yield* printEvents(
      watchColumns,
      registry.stream((client, context) => client.watcher.watchSystems({ filter, resumeToken }, context)),
      (event) => watchLine(event, zone)
    )
  })
).pipe(
  Command.withDescription("Tell every machine that matches, then what changes, until Ctrl-C"),
  Command.withExamples([
    { command: "ipmanager system watch --json", description: "A JSON object a line, each with a token to resume from" }
  ])
)

export const systemWhy = Command.make(
  "why",
  { mac: argument("mac", "MAC of the machine"), limit },
  Effect.fn("system.why")(function*(input) {
    const registry = yield* Registry
    const screen = yield* Screen
    const form = yield* format
    const { evidence, reasons, system } = yield* registry.call((client, context) =>
      client.watcher.explainSystem({ mac: input.mac, limit: Option.getOrElse(input.limit, () => 0) }, context)
    )
    if (form === "csv") return yield* printRows(evidenceColumns, Stream.fromIterable(evidence), "no evidence is kept")
    if (form === "json") {
      return yield* screen.out(`${
        jsonText({
          system: system === undefined ? null : jsonObject(systemColumns, system),
          reasons,
          evidence: evidence.map((one) => jsonObject(evidenceColumns, one))
        }, 2)
      }\n`)
    }
    // Evidence is shown whole, whatever the width: a line that is cut proves nothing.
    const whole = { ...screen, width: undefined }
    return yield* screen.out([
      ...(system === undefined ? [] : [renderRecord(systemColumns, system, whole), ""]),
      ...reasons.map((reason) => `• ${harmless(reason)}`),
      "",
      evidence.length === 0 ? "no evidence is kept" : renderTable(evidenceColumns, evidence, whole),
      ""
    ].join("\n"))
  })
).pipe(
  Command.withDescription("Show the log lines behind what is believed of a machine, with server, file and offset"),
  Command.withExamples([
    { command: "ipmanager system why 52:54:00:12:34:56", description: "Where its name and address come from" }
  ])
)
