/** A reservation as dnsmasq reads it, for files that are written by hand or taken elsewhere. */
import { type DhcpHostError, formatDhcpHost, type HostForm } from "@leasehold/dnsmasq"
import type { Reservation } from "@leasehold/registry-api"
import type { Result } from "effect"

export const hostLine = (reservation: Reservation, form: HostForm): Result.Result<string, DhcpHostError> => {
  const { address, ignore, leaseInfinite, leaseTime, macs, name } = reservation
  const [mac = "", ...also] = macs
  if (ignore) return formatDhcpHost({ mac, also, ignore: true }, form)
  return formatDhcpHost({
    mac,
    also,
    ...(address === "" ? {} : { ip: address }),
    ...(name === "" ? {} : { hostname: name }),
    ...(leaseInfinite ? { leaseTime: "infinite" as const } : {}),
    ...(leaseInfinite || leaseTime === undefined ? {} : { leaseTime: { seconds: Number(leaseTime.seconds) } })
  }, form)
}

const section = /^[ \t]*# subnet (\d+(?:\.\d+){3}\/\d+)[ \t\r]*$/u

/** Says of the entries below it that have no address which subnet they are of: dnsmasq has no word for it. */
export const subnetComment = (cidr: string): string => `# subnet ${cidr}`

/** For each line, what the last such comment above it says. */
export const commentedSubnets = (text: string): ReadonlyArray<string | undefined> => {
  let subnet: string | undefined
  return text.split("\n").map((line) => (subnet = section.exec(line)?.[1] ?? subnet))
}
