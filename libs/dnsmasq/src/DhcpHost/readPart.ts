/**
 * One field of a dhcp-host entry, read as dnsmasq reads it: by its looks alone, in dnsmasq's order of tests. What
 * dnsmasq refuses is an error; what it takes for something else than a person means is a part with a doubt.
 */
import { Result } from "effect"
import { isIpv6 } from "../ipv6.ts"
import { ipv4End } from "../tokens.ts"
import { readHardware } from "./hardware.ts"
import { doubtful, type HostPart, type PartResult, sure } from "./HostPart.ts"
import { doubt, problem } from "./HostProblem.ts"
import { readName } from "./name.ts"
import { plain } from "./tokenize.ts"

const readClientId = (text: string): PartResult => {
  if (text.startsWith("*")) return sure({ is: "any-client-id" })
  const hex = text.split(/[:\- ]/).every((octets) => /^[0-9a-f*]*$/i.test(octets) && !/^(?=.*\*)(?=..)/.test(octets))
  return text.includes(":") && !hex
    ? Result.fail(problem("client id", "hexadecimal octets, or text without a colon", plain(text)))
    : sure({ is: "client-id", clientId: plain(text) })
}

/** The eight groups of an address that `isIpv6` accepts. */
const groups = (ip: string): ReadonlyArray<number> => {
  const quad = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(ip)
  const [, start = "", ...octets] = quad ?? []
  const [a = 0, b = 0, c = 0, d = 0] = octets.map(Number)
  const hex = quad === null ? ip : `${start}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
  const [before = [], after = []] = hex.split("::").map((side) =>
    side.split(":").filter((group) => group !== "").map((group) => Number.parseInt(group, 16))
  )
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after]
}

const hasBits = (ip: string, count: number): boolean => {
  const value = groups(ip).reduce((bits, group) => (bits << 16n) | BigInt(group), 0n)
  return (value & ((1n << BigInt(count)) - 1n)) !== 0n
}

const readIpv6 = (text: string): PartResult => {
  const [, address = "", , prefix] = /^\[([^/]*?)( *\/ *(.*))?\]$/.exec(text) ?? []
  const ip = plain(address)
  if (!isIpv6(ip)) return Result.fail(problem("ipv6", "an IPv6 address in brackets", plain(text)))
  if (prefix === undefined) return sure({ is: "ipv6", ip })
  const length = /^\d{1,3}$/.test(plain(prefix)) ? Number(plain(prefix)) : 129
  const expected = "a prefix length with nothing set behind it"
  // dnsmasq computes its mask in 64 bits, so that it misses some bits behind a prefix of 64 or less.
  if (length > 128 || hasBits(ip, (128 - length) % 64)) return Result.fail(problem("ipv6", expected, plain(text)))
  const part: HostPart = { is: "ipv6", ip, prefixLength: length }
  return hasBits(ip, 128 - length) ? doubtful(part, doubt("ipv6", expected, plain(text))) : sure(part)
}

const withColon = (field: string): PartResult => {
  if (/^id:/i.test(field)) return readClientId(field.slice(3))
  if (field.startsWith("set:") || field.startsWith("net:")) {
    return doubtful(
      { is: "set", tag: plain(field.slice(4)) },
      doubt("set", "no set: in a hosts file, which makes dnsmasq 2.86 to 2.90 crash on a reload", plain(field))
    )
  }
  if (field.startsWith("tag:")) return sure({ is: "tag", tag: plain(field.slice(4)) })
  return field.startsWith("[") && field.endsWith("]") ? readIpv6(field) : readHardware(field)
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

const SHORTEST_LEASE = 120
const LONGEST_LEASE = 0x7fff_ffff

/** Digits and perhaps a unit: dnsmasq takes it for a lease time wherever it stands. */
export const leaseSeconds = (text: string): number | undefined => {
  const match = /^([ \d]*\d[ \d]*)([smhdw])?$/i.exec(text)
  if (match === null) return undefined
  const [, digits = "", unit = "s"] = match
  const count = /\d+/.exec(digits)?.[0] ?? "0"
  return Number(count) * (UNITS[unit.toLowerCase()] ?? 1)
}

const readLeaseTime = (field: string, seconds: number): PartResult => {
  if (seconds > LONGEST_LEASE) {
    return Result.fail(problem("lease time", `at most ${LONGEST_LEASE} seconds`, plain(field)))
  }
  const kept = Math.max(seconds, SHORTEST_LEASE)
  const part: HostPart = { is: "lease-time", leaseTime: { seconds: kept } }
  const plainTime = /^\d+[smhdw]?$/i.test(field)
  return kept === seconds && plainTime
    ? sure(part)
    : doubtful(part, doubt("lease time", "digits and a unit, two minutes or more", plain(field)))
}

/** Reads one field. */
export const readPart = (field: string): PartResult => {
  if (field === "") return sure({ is: "nothing" })
  if (field.includes(":")) return withColon(field)
  if (ipv4End(field, 0) === field.length) {
    return Number(field.split(".", 1)[0]) === 0
      ? doubtful({ is: "ip", ip: field }, doubt("ip", "an address that a host can have", field))
      : sure({ is: "ip", ip: field })
  }
  const seconds = leaseSeconds(field)
  if (seconds !== undefined) return readLeaseTime(field, seconds)
  if (field === "infinite") return sure({ is: "lease-time", leaseTime: "infinite" })
  return field === "ignore" ? sure({ is: "ignore" }) : readName(field)
}
