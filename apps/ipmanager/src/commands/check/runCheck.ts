/** Gathers what is to be reviewed, and tells what was found. */
import { FindingSeverity, type Subnet } from "@leasehold/registry-api"
import { Effect, Stream } from "effect"
import { readConfTree } from "../../ConfFiles.ts"
import { Failure, misused } from "../../domain/Failure.ts"
import { readDnsmasq } from "../../domain/imports/dnsmasq.ts"
import { placeText } from "../../domain/imports/ImportItem.ts"
import { confLines } from "../../domain/review/confLines.ts"
import { isInside, rangesOf } from "../../domain/review/ranges.ts"
import { reviewHosts } from "../../domain/review/reviewHosts.ts"
import { reviewOptions } from "../../domain/review/reviewOptions.ts"
import { reviewRanges } from "../../domain/review/reviewRanges.ts"
import { reviewSettings } from "../../domain/review/reviewSettings.ts"
import { type Finding, findingColumns, findingText, type Severity } from "../../domain/views/finding.ts"
import { pages } from "../../pages.ts"
import { format, printRowsAs } from "../../print.ts"
import { Registry } from "../../Registry.ts"
import { Screen } from "../../Screen.ts"
import { requireKnown } from "../knownServer.ts"

const severities: Readonly<Record<number, Severity>> = {
  [FindingSeverity.NOTE]: "note",
  [FindingSeverity.WARNING]: "warning",
  [FindingSeverity.ERROR]: "error"
}

const reviewRegistry = Effect.fnUntraced(function*() {
  const registry = yield* Registry
  const { findings } = yield* registry.call((client, context) => client.ipam.checkRegistry({}, context))
  return findings.map(({ advice, code, message, severity, subject }): Finding => ({
    severity: severities[severity] ?? "note",
    code,
    subject,
    message,
    advice
  }))
})

const reviewConf = Effect.fnUntraced(function*(paths: ReadonlyArray<string>, server: string | undefined) {
  const { files, unreadable } = yield* readConfTree(paths)
  const subnets: ReadonlyArray<Subnet> = yield* Stream.runCollect(pages(undefined, async (client, page, context) => {
    const answer = await client.ipam.listSubnets(page, context)
    return { items: answer.subnets, nextPageToken: answer.nextPageToken }
  }))
  const reservations = yield* Stream.runCollect(pages(undefined, async (client, page, context) => {
    const answer = await client.ipam.listReservations({ filter: { server: server ?? "" }, ...page }, context)
    return { items: answer.reservations, nextPageToken: answer.nextPageToken }
  }))
  const served = server === undefined ? subnets : subnets.filter(({ servers }) => servers.includes(server))
  const lines = files.filter(({ kind }) => kind === "conf").flatMap(({ path, text }) => confLines(path, text))
  const ranges = rangesOf(lines)
  const subject = paths.join(" ")
  const missing = unreadable.map(({ from, path, reason }): Finding => ({
    severity: "error",
    code: "unreadable",
    subject: from === undefined ? path : placeText(from),
    message: `${path} cannot be read: ${reason}`,
    advice: "Correct the path, or run this as a user that may read it; dnsmasq's user has to be able to, too."
  }))
  const hosts = files.flatMap(({ kind, path, text }) =>
    kind === "ethers" ? [] : [{ path, text, form: kind === "conf" ? "conf" as const : "hosts" as const }]
  )
  // Those inside of a range take none of its addresses besides.
  const outside = new Set([
    ...reservations.filter(({ enabled }) => enabled).map(({ address }) => address),
    ...hosts.flatMap(({ form, path, text }) => readDnsmasq(path, text, form).items).map(({ address = "" }) => address)
  ].filter((address) => address !== "" && !ranges.some((range) => isInside(range, address))))
  // What is not read says nothing of what is missing.
  if (unreadable.some(({ from }) => from === undefined)) return [...missing, ...reviewHosts(hosts, reservations)]
  if (!files.some(({ kind }) => kind === "conf")) {
    const nothing: Finding = {
      severity: "error",
      code: "nothing-read",
      subject,
      message: "no configuration file was read: there is none in it",
      advice: "Give the file, or the directory, that dnsmasq is started with."
    }
    return [nothing]
  }
  return [
    ...missing,
    ...reviewOptions(lines, ranges, outside.size, subject),
    ...reviewRanges(ranges, subnets, served, reservations, subject),
    ...reviewSettings(lines, served),
    ...reviewHosts(hosts, reservations)
  ]
})

const order: ReadonlyArray<Severity> = ["error", "warning", "note"]

export const runCheck = Effect.fn("runCheck")(function*(paths: ReadonlyArray<string>, server: string | undefined) {
  if (server !== undefined && paths.length === 0) {
    return yield* misused("--dhcp-server says whose configuration it is", "Give --dnsmasq-conf with it.")
  }
  if (server !== undefined) yield* requireKnown(server)
  const findings = [
    ...(yield* reviewRegistry()),
    ...(paths.length === 0 ? [] : yield* reviewConf(paths, server))
  ].toSorted((one, other) => order.indexOf(one.severity) - order.indexOf(other.severity))
  const form = yield* format
  if (form === "text" && findings.length > 0) {
    const screen = yield* Screen
    yield* screen.out(findings.map((finding) => `${findingText(finding, screen.colour, screen.zone)}\n`).join(""))
  } else yield* printRowsAs(form, findingColumns, Stream.fromIterable(findings), "nothing was found")
  const wrong = findings.filter(({ severity }) => severity !== "note").length
  if (wrong > 0) {
    return yield* new Failure({
      reason: "findings",
      message: `${wrong} of ${findings.length} findings should be looked at`
    })
  }
})
