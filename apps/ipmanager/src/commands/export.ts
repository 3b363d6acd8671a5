/** `export`: reservations for dnsmasq, a spreadsheet or a program. */
import { Effect, Option, Result, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import { misused } from "../domain/Failure.ts"
import { harmless } from "../domain/output/harmless.ts"
import { reservationColumns, reservationLabel } from "../domain/views/reservation.ts"
import { pages } from "../pages.ts"
import { format, printRowsAs } from "../print.ts"
import { Registry } from "../Registry.ts"
import { Screen } from "../Screen.ts"
import { text } from "./flags.ts"

type LineFormat = "dnsmasq" | "hosts"

const reservations = (subnet: string) =>
  pages(undefined, async (client, page, context) => {
    const answer = await client.ipam.listReservations({ filter: { subnet }, ...page }, context)
    return { items: answer.reservations, nextPageToken: answer.nextPageToken }
  })

/** Exactly what the server's file shows, with its subnets' lease times. */
const exportServer = Effect.fnUntraced(function*(server: string, lineFormat: LineFormat) {
  const registry = yield* Registry
  const screen = yield* Screen
  const prefix = lineFormat === "dnsmasq" ? "dhcp-host=" : ""
  yield* Stream.runForEach(
    registry.stream((client, context) => client.server.exportHosts({ server }, context)),
    ({ lines }) => screen.out(lines.map((line) => `${prefix}${harmless(line)}\n`).join(""))
  )
})

const exportLines = Effect.fnUntraced(function*(subnet: string, lineFormat: LineFormat) {
  const { hostLine, subnetComment } = yield* Effect.promise(() => import("../domain/hostLine.ts"))
  const screen = yield* Screen
  const form = lineFormat === "dnsmasq" ? "conf" : "hosts"
  let section = ""
  yield* Stream.runForEachArray(
    reservations(subnet),
    Effect.fnUntraced(function*(some) {
      const lines: Array<string> = []
      const missing: Array<string> = []
      for (const reservation of some) {
        const line = hostLine(reservation, form)
        const label = reservationLabel(reservation)
        if (!reservation.enabled) missing.push(`${label} is disabled, and left out\n`)
        else if (Result.isSuccess(line)) {
          if (reservation.address === "" && reservation.subnet !== section) {
            section = reservation.subnet
            lines.push(`${subnetComment(section)}\n`)
          }
          lines.push(`${line.success}\n`)
        } else missing.push(`${label} is left out: ${line.failure.message}\n`)
      }
      yield* screen.out(lines.join(""))
      yield* screen.err(missing.map((text) => `${harmless(text.trimEnd())}\n`).join(""))
    })
  )
})

export const exportHosts = Command.make(
  "export",
  {
    format: Flag.Literals("format", ["dnsmasq", "hosts", "csv", "json"]).pipe(
      Flag.withDescription("dnsmasq: lines of dhcp-host=; hosts: for dhcp-hostsfile; csv and json: everything"),
      Flag.optional
    ),
    subnet: text("subnet", "SUBNET", "Only of this subnet"),
    dhcpServer: text(
      "dhcp-server",
      "NAME",
      "What the file of this DHCP server would show; there, entries without an address do not name their subnet"
    )
  },
  Effect.fn("export")(function*(input) {
    const asked = yield* format
    const wanted = Option.getOrElse(input.format, () => (asked === "text" ? "dnsmasq" as const : asked))
    if (asked !== "text" && asked !== wanted)
      return yield* misused(`--format ${wanted} and --${asked}`, "Give one of them.")
    const subnet = Option.getOrElse(input.subnet, () => "")
    if (wanted === "csv" || wanted === "json") {
      if (Option.isSome(input.dhcpServer)) {
        return yield* misused(`--dhcp-server is for dnsmasq and hosts`, `For ${wanted}: host list --dhcp-server`)
      }
      return yield* printRowsAs(wanted, reservationColumns, reservations(subnet), "no reservation matches")
    }
    if (Option.isNone(input.dhcpServer)) return yield* exportLines(subnet, wanted)
    if (subnet !== "") return yield* misused("--subnet and --dhcp-server", "Give one of them.")
    return yield* exportServer(input.dhcpServer.value, wanted)
  })
).pipe(
  Command.withDescription("Write reservations for dnsmasq, a spreadsheet or a program; `import` reads them back"),
  Command.withExamples([
    { command: "ipmanager export --format csv > hosts.csv", description: "For a spreadsheet" },
    { command: "ipmanager export --dhcp-server lab", description: "What the server's file shows" }
  ])
)
