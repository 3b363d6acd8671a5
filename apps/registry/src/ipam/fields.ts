/**
 * Fields of a request, read once at the edge: a typed value, or an error that names the field and says what is expected.
 *
 * Plain functions without Effect, because an import has a hundred thousand of them.
 */
import { harmfulCharacters, Hostname, Ipv4, ipv4FromNumber, ipv4ToNumber, Mac, ServerId } from "@leasehold/events"
import { Option, Result, Schema } from "effect"
import { ApiError } from "../api/ApiError.ts"
import { isHostName } from "../names/forbidden.ts"

export type Read<A> = Result.Result<A, ApiError>

export const invalid = (field: string, expected: string, actual?: unknown) =>
  Result.fail(ApiError.invalid(field, expected, actual))

/** Everything that is wrong with the fields, in one error. */
export const together = (...fields: ReadonlyArray<Read<unknown>>): Read<void> => {
  const all = fields.flatMap((field) => Result.isFailure(field) ? [field.failure] : [])
  // What is wrong for two reasons that are the same is told once.
  const failures = all.filter(({ message }, index) => all.findIndex((other) => other.message === message) === index)
  const [first] = failures
  if (first === undefined) return Result.succeed(undefined)
  return Result.fail(
    failures.length === 1 ? first : new ApiError({
      code: first.code,
      message: failures.map(({ message }) => message).join("; "),
      violations: failures.flatMap(({ violations }) => violations)
    })
  )
}

const reader = <A>(decode: (text: unknown) => Option.Option<A>, expected: string) => (field: string, text: string) =>
  Option.match(decode(text), {
    onNone: (): Read<A> => invalid(field, expected, text),
    onSome: (value): Read<A> => Result.succeed(value)
  })

const decodeMac = Schema.decodeUnknownOption(Mac)
const isNobodys = (mac: Mac) => mac === "00:00:00:00:00:00" || mac === "ff:ff:ff:ff:ff:ff"
export const readMac = reader(
  (text) => Option.filter(decodeMac(text), (mac) => !isNobodys(mac)),
  "a MAC address of six octets such as 52:54:00:12:34:56, which is neither all zeros nor broadcast"
)
/** Multicast: the second hexadecimal digit is odd. It may be seen in a log, but no machine is reached by it alone. */
const isOfGroup = (mac: Mac) => /^.[13579bdf]/u.test(mac)
export const readInterfaceMac = reader(
  (text) => Option.filter(decodeMac(text), (mac) => !isNobodys(mac) && !isOfGroup(mac)),
  "a MAC address of six octets such as 52:54:00:12:34:56, which is neither all zeros nor that of a group (multicast)"
)
export const readServer = reader(
  Schema.decodeUnknownOption(ServerId),
  "the name of a DHCP server: 1 to 63 lower-case letters, digits and dashes"
)

const decodeIpv4 = Schema.decodeUnknownOption(Ipv4)
const isUnicast = (address: Ipv4) => {
  const first = Number(address.split(".", 1)[0])
  return first > 0 && first < 224
}
export const readAddress = reader(
  (text) => Option.filter(decodeIpv4(text), isUnicast),
  "an IPv4 address that a host can have, such as 10.0.0.7"
)

const decodeHostname = Schema.decodeUnknownOption(Hostname)
const readLabel = reader(
  (text) => Option.filter(decodeHostname(text), isHostName),
  "1 to 63 letters, digits and inner dashes that neither dnsmasq nor a resolver takes for something else (ignore, infinite, 12h, localhost, wpad, an address, …)"
)

/** Administrators may use the names of services, and capitals, which are no others. */
export const readName = (field: string, text: string): Read<Hostname> => readLabel(field, text.toLowerCase())

const harmful = new RegExp(`[${harmfulCharacters}]`, "u")
export const longestComment = 300

export const readComment = (field: string, text: string): Read<string> =>
  harmful.test(text) || [...text].length > longestComment
    ? invalid(field, `one line of at most ${longestComment} characters, all of them to be seen`, text)
    : Result.succeed(text)

const domainPattern = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*)?$/u

export const readDomain = (field: string, text: string): Read<string> => {
  const domain = text.toLowerCase().replace(/\.$/u, "")
  return domainPattern.test(domain) && domain.length <= 253
    ? Result.succeed(domain)
    : invalid(field, "a domain such as lan.example.org", text)
}

/** An IPv4 network, with its first and last address as numbers. */
export interface Network {
  readonly cidr: string
  readonly first: number
  readonly last: number
}

/** Undefined where the text is no network at all. What follows the prefix is cut: `10.0.0.7/24` is `10.0.0.0/24`. */
export const parseNetwork = (text: string): Network | undefined => {
  const [, dotted = "", length = ""] = /^([0-9.]+)\/([0-9]{1,2})$/u.exec(text) ?? []
  const address = Option.getOrUndefined(decodeIpv4(dotted))
  if (address === undefined || Number(length) > 32) return undefined
  const size = 2 ** (32 - Number(length))
  const first = Math.floor(ipv4ToNumber(address) / size) * size
  return { cidr: `${textOf(first)}/${Number(length)}`, first, last: first + size - 1 }
}

/** A network that can be a subnet. */
export const readNetwork = (field: string, text: string): Read<Network> => {
  const network = parseNetwork(text)
  const expected = "an IPv4 network with a prefix length of at most 30, such as 10.0.0.0/24"
  if (network === undefined || network.last - network.first < 3) return invalid(field, expected, text)
  if (network.cidr !== text) return invalid(field, `the network's own address: ${network.cidr}`, text)
  return network.first < 2 ** 24 || network.last >= 224 * 2 ** 24
    ? invalid(field, "a network of addresses that hosts can have, 1.0.0.0 to 223.255.255.255", text)
    : Result.succeed(network)
}

/** How dnsmasq is told a lease time: seconds, or for ever. */
export type LeaseTime = number | "infinite"

/** The most that dnsmasq counts; more is for ever. */
export const longestLease = 0x7fff_ffff
const shortestLease = 120

interface SecondsAndNanos {
  readonly seconds: bigint
  readonly nanos: number
}

const secondsText = ({ nanos, seconds }: SecondsAndNanos): string => `${seconds} s${nanos === 0 ? "" : ` ${nanos} ns`}`

const readSeconds = (field: string, duration: SecondsAndNanos, least: number): Read<number> => {
  const seconds = Number(duration.seconds)
  return duration.nanos === 0 && seconds >= least && seconds <= longestLease
    ? Result.succeed(seconds)
    : invalid(field, `whole seconds, ${least} to ${longestLease}`, secondsText(duration))
}

export const readLeaseTime = (field: string, duration: SecondsAndNanos): Read<number> =>
  readSeconds(field, duration, shortestLease)

export const readKeep = (field: string, duration: SecondsAndNanos): Read<number> => readSeconds(field, duration, 60)

/** An address by its number; every number below 2^32 has one. */
export const textOf = (number: number): Ipv4 => Option.getOrThrow(ipv4FromNumber(number))
