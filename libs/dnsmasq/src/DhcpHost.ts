/**
 * dhcp-host entries: `MAC[,MAC…][,10.0.0.1][,hostname][,lease time]` or `MAC,ignore`, with `dhcp-host=` before it in a
 * conf file and without it in a hosts file.
 *
 * What `formatDhcpHost` gives, dnsmasq reads as it was meant, in every version. `parseDhcpHost` reads what operators
 * have in their files, as dnsmasq would, and says what it doubts.
 */
import { Result } from "effect"
import { type DhcpHostError, doubt, type HostDoubt, problem } from "./DhcpHost/HostProblem.ts"
import type { HostPart, LeaseTime } from "./DhcpHost/HostPart.ts"
import { leaseSeconds, readPart } from "./DhcpHost/readPart.ts"
import { clean, fields, LONGEST_LINE } from "./DhcpHost/tokenize.ts"
import { ipv4End } from "./tokens.ts"

/** What we write: one client, and an address, a name or both; or that it gets no answer. */
export interface DhcpHost {
  readonly mac: string
  /** More MACs of the same client, of which it uses one at a time. */
  readonly also?: ReadonlyArray<string>
  /** Absent: the address is a dynamic one. */
  readonly ip?: string
  readonly hostname?: string
  readonly leaseTime?: LeaseTime
  /** dnsmasq does not answer; nothing else can be said then. */
  readonly ignore?: true
}

/** What an entry of an operator says, as dnsmasq takes it. */
export interface ParsedHost {
  /** Every field, in order. */
  readonly parts: ReadonlyArray<HostPart>
  readonly macs: ReadonlyArray<string>
  readonly ip?: string
  readonly ipv6: ReadonlyArray<string>
  readonly hostname?: string
  readonly domain?: string
  readonly leaseTime?: LeaseTime
  /** dnsmasq gives this client nothing. */
  readonly ignore: boolean
  /** The entry is nothing but what `formatDhcpHost` writes. */
  readonly plain: boolean
  readonly doubts: ReadonlyArray<HostDoubt>
}

/** Which file an entry stands in: `conf` lines need the prefix, `hosts` lines must not have it. */
export type HostForm = "conf" | "hosts"

const PREFIX = /^dhcp-host *= */

const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

const isAddress = (ip: string) => {
  const first = Number(ip.split(".", 1)[0])
  return ipv4End(ip, 0) === ip.length && first > 0 && first < 224
}

const isName = (name: string) =>
  LABEL.test(name) && name !== "ignore" && name !== "infinite" && leaseSeconds(name) === undefined

const UNITS = [["w", 604_800], ["d", 86_400], ["h", 3600], ["m", 60]] as const

const formatLeaseTime = (time: LeaseTime): string => {
  if (time === "infinite") return time
  const unit = UNITS.find(([, size]) => time.seconds % size === 0)
  return unit === undefined ? `${time.seconds}s` : `${time.seconds / unit[1]}${unit[0]}`
}

const isLeaseTime = (time: LeaseTime) =>
  time === "infinite" || (Number.isInteger(time.seconds) && time.seconds >= 120 && time.seconds <= 0x7fff_ffff)

/** What is wrong with a client and what it is to get, where something is. */
const problemOf = ({ also = [], hostname, ignore, ip, leaseTime, mac }: DhcpHost): DhcpHostError | undefined => {
  const macs = [mac, ...also]
  const bad = macs.find((one) => !MAC.test(one))
  if (bad !== undefined) return problem("mac", "six octets in hex, with colons", bad)
  if (new Set(macs.map((one) => one.toLowerCase())).size < macs.length) {
    return problem("mac", "each MAC once", macs.join(","))
  }
  const given = ip ?? hostname
  if (ignore === true) {
    const more = given ?? (leaseTime === undefined ? undefined : JSON.stringify(leaseTime))
    return more === undefined ? undefined : problem("ignore", "nothing else with it", more)
  }
  if (given === undefined) return problem("line", "an address, a name or ignore", mac)
  if (ip !== undefined && !isAddress(ip)) return problem("ip", "an IPv4 address that a host can have", ip)
  if (hostname !== undefined && !isName(hostname)) {
    return problem("hostname", "a label of a-z, 0-9 and - that is no keyword and no lease time", hostname)
  }
  return leaseTime === undefined || isLeaseTime(leaseTime)
    ? undefined
    : problem("lease time", "infinite, or 120 to 2147483647 seconds", JSON.stringify(leaseTime))
}

/** Writes an entry, without a line end; refuses whatever dnsmasq could read as something else. */
export const formatDhcpHost = (host: DhcpHost, form: HostForm = "conf"): Result.Result<string, DhcpHostError> => {
  const wrong = problemOf(host)
  if (wrong !== undefined) return Result.fail(wrong)
  const { also = [], hostname, ignore, ip, leaseTime, mac } = host
  const entry = [
    ...[mac, ...also].map((one) => one.toUpperCase()),
    ...(ip === undefined ? [] : [ip]),
    ...(hostname === undefined ? [] : [hostname]),
    ...(leaseTime === undefined ? [] : [formatLeaseTime(leaseTime)]),
    ...(ignore === true ? ["ignore"] : [])
  ].join(",")
  const line = form === "conf" ? `dhcp-host=${entry}` : entry
  return line.length > LONGEST_LINE
    ? Result.fail(problem("line", `at most ${LONGEST_LINE} bytes`, `${line.length} bytes`))
    : Result.succeed(line)
}

const lastOf = <Is extends HostPart["is"]>(parts: ReadonlyArray<HostPart>, is: Is) =>
  parts.findLast((part): part is Extract<HostPart, { readonly is: Is }> => part.is === is)

const count = (parts: ReadonlyArray<HostPart>, is: HostPart["is"]) => parts.filter((part) => part.is === is).length

const repeated = (parts: ReadonlyArray<HostPart>): ReadonlyArray<HostDoubt> =>
  (["ip", "lease-time"] as const).flatMap((is) =>
    count(parts, is) < 2 ? [] : [doubt(is, "one of them; dnsmasq takes the last", `${count(parts, is)}`)]
  )

const PLAIN = /^mac(,mac)*,(ip(,name)?(,lease-time)?|name(,lease-time)?|ignore)$/

const isPlain = (parts: ReadonlyArray<HostPart>, doubts: ReadonlyArray<HostDoubt>) =>
  doubts.length === 0 && PLAIN.test(parts.map((part) => part.is).join(","))

const summary = (parts: ReadonlyArray<HostPart>, doubts: ReadonlyArray<HostDoubt>): ParsedHost => {
  const ip = lastOf(parts, "ip")
  const name = lastOf(parts, "name")
  const time = lastOf(parts, "lease-time")
  return {
    parts,
    macs: parts.flatMap((part) => (part.is === "mac" ? [part.mac] : [])),
    ...(ip === undefined ? {} : { ip: ip.ip }),
    ipv6: parts.flatMap((part) => (part.is === "ipv6" ? [part.ip] : [])),
    ...(name === undefined ? {} : { hostname: name.hostname }),
    ...(name?.domain === undefined ? {} : { domain: name.domain }),
    ...(time === undefined ? {} : { leaseTime: time.leaseTime }),
    ignore: parts.some((part) => part.is === "ignore"),
    plain: isPlain(parts, doubts),
    doubts
  }
}

/** The entry without `dhcp-host=`, and which file it can stand in. */
const unprefixed = (
  line: string,
  form: HostForm | undefined
): Result.Result<{ readonly entry: string; readonly conf: boolean }, DhcpHostError> => {
  const prefix = PREFIX.exec(line)?.[0]
  if (form === "conf" && prefix === undefined) return Result.fail(problem("line", "dhcp-host=", line))
  if (form === "hosts" && prefix !== undefined) {
    return Result.fail(problem("line", "no dhcp-host= before an entry of a hosts file", line))
  }
  return Result.succeed({ entry: line.slice(prefix?.length ?? 0), conf: prefix !== undefined })
}

/**
 * Reads one line, with or without `dhcp-host=` unless a form is given. Fails where dnsmasq would refuse the line, or
 * where versions and builds of it disagree.
 */
export const parseDhcpHost = (line: string, form?: HostForm): Result.Result<ParsedHost, DhcpHostError> =>
  Result.gen(function*() {
    const { conf, entry } = yield* unprefixed(yield* clean(line), form)
    if (entry === "") return yield* Result.fail(problem("line", "an entry", line))
    const read = yield* Result.all(fields(entry).map(readPart))
    const parts = read.map(({ part }) => part)
    if (count(parts, "name") > 1) {
      return yield* Result.fail(problem("hostname", "one name; dnsmasq 2.91 and later refuse more", entry))
    }
    const ofFields = read.flatMap(({ doubts }) => doubts).filter(({ field }) => !conf || field !== "set")
    const empty = parts.some((part) => part.is === "nothing") ? [doubt("line", "no empty fields", entry)] : []
    return summary(parts, [...ofFields, ...repeated(parts), ...empty])
  })
