/** What can be said of a subnet, by `subnet add` and `subnet set` alike. */
import { SubnetPolicy } from "@leasehold/registry-api"
import { Effect, Option } from "effect"
import { Flag } from "effect/cli"
import { misused } from "../../domain/Failure.ts"
import { readOptional, readRange, readSpan, text, texts, toggle } from "../flags.ts"

const policies = { auto: SubnetPolicy.AUTO, manual: SubnetPolicy.MANUAL } as const

export const fieldFlags = {
  policy: Flag.Literals("policy", ["auto", "manual"]).pipe(
    Flag.withDescription("auto: systems get reservations for what they were given; manual: an administrator approves"),
    Flag.optional
  ),
  range: text("range", "FIRST-LAST", "What dnsmasq hands out dynamically; empty for nothing"),
  gateway: text("gateway", "ADDRESS", "Its router, which no host may have; empty for none"),
  dns: texts("dns", "ADDRESS", "A DNS server of it"),
  domain: text("domain", "DOMAIN", "Domain of its names; empty for none"),
  leaseTime: text("lease-time", "TIME", "Lease time of its reservations, such as 12h; `default` for dnsmasq's own"),
  dhcpServer: texts("dhcp-server", "NAME", "A DHCP server that serves it"),
  exclude: texts("exclude", "FIRST-LAST", "Addresses that are never the next free one"),
  reserveRandomised: toggle("reserve-randomised", "Automatic reservations for made-up MACs too"),
  autoKeep: text("auto-keep", "TIME", "How long an automatic reservation outlives the last sign of its system"),
  autoShare: Flag.Finite("auto-share").pipe(
    Flag.withMetavar("SHARE"),
    Flag.withDescription("Share of the range that automatic reservations may take, 0 to 1"),
    Flag.optional
  ),
  comment: text("comment", "TEXT", "A note for people; empty to remove it")
}

type Given = {
  readonly [Name in keyof typeof fieldFlags]: (typeof fieldFlags)[Name] extends Flag.Flag<infer A> ? A : never
}

/** An empty text takes a list's only entry away. */
const listed = (values: ReadonlyArray<string>) => values.filter((value) => value !== "")

/** The fields as the API takes them, and the paths of those that were given. */
export const readFields = Effect.fnUntraced(function*(given: Given) {
  if (Option.isSome(given.leaseTime) && given.leaseTime.value === "infinite") {
    return yield* misused("--lease-time: a reservation can be infinite, a subnet cannot")
  }
  const range = yield* readOptional(
    Option.filter(given.range, (range) => range !== ""),
    (range) => readRange("--range", range)
  )
  const leaseTime = yield* readOptional(
    Option.filter(given.leaseTime, (time) => time !== "default"),
    (time) => readSpan("--lease-time", time, " or `default`")
  )
  const autoKeep = yield* readOptional(given.autoKeep, (time) => readSpan("--auto-keep", time))
  const excluded = yield* Effect.forEach(listed(given.exclude), (range) => readRange("--exclude", range))
  const present: ReadonlyArray<readonly [path: string, isGiven: boolean]> = [
    ["policy", Option.isSome(given.policy)],
    ["range", Option.isSome(given.range)],
    ["gateway", Option.isSome(given.gateway)],
    ["dns_servers", given.dns.length > 0],
    ["domain", Option.isSome(given.domain)],
    ["lease_time", Option.isSome(given.leaseTime)],
    ["servers", given.dhcpServer.length > 0],
    ["excluded", given.exclude.length > 0],
    ["reserve_randomised", Option.isSome(given.reserveRandomised)],
    ["auto_keep", autoKeep !== undefined],
    ["auto_share", Option.isSome(given.autoShare)],
    ["comment", Option.isSome(given.comment)]
  ]
  return {
    subnet: {
      policy: Option.match(given.policy, { onNone: () => SubnetPolicy.UNSPECIFIED, onSome: (name) => policies[name] }),
      gateway: Option.getOrElse(given.gateway, () => ""),
      dnsServers: listed(given.dns),
      domain: Option.getOrElse(given.domain, () => ""),
      servers: listed(given.dhcpServer),
      excluded,
      reserveRandomised: Option.getOrElse(given.reserveRandomised, () => false),
      autoShare: Option.getOrElse(given.autoShare, () => 0),
      comment: Option.getOrElse(given.comment, () => ""),
      ...(range === undefined ? {} : { range }),
      ...(leaseTime === undefined ? {} : { leaseTime: { ...leaseTime } }),
      ...(autoKeep === undefined ? {} : { autoKeep: { ...autoKeep } })
    },
    paths: present.flatMap(([path, isGiven]) => (isGiven ? [path] : []))
  }
})
