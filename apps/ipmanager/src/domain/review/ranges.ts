/** `dhcp-range` lines of a dnsmasq configuration, as far as they are about IPv4, and addresses as numbers. */
import type { Subnet } from "@leasehold/registry-api"
import { isIpv4, type Place } from "../imports/ImportItem.ts"
import type { ConfLine } from "./confLines.ts"

export interface DhcpRange {
  readonly place: Place
  readonly first: number
  readonly last: number
  /** Only hosts get addresses: nothing is handed out dynamically. */
  readonly isStatic: boolean
}

export const toNumber = (address: string): number =>
  address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0)

export const toAddress = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".")

/** The address is one of those that the range hands out. */
export const isInside = ({ first, isStatic, last }: DhcpRange, address: string): boolean => {
  const number = isIpv4(address) ? toNumber(address) : -1
  return !isStatic && first <= number && number <= last
}

export interface Network {
  readonly first: number
  readonly last: number
}

/** Undefined where it is no IPv4 network. */
export const networkOf = (cidr: string): Network | undefined => {
  const [address = "", length = ""] = cidr.split("/")
  if (!isIpv4(address) || !/^\d{1,2}$/u.test(length) || Number(length) > 32) return undefined
  const size = 2 ** (32 - Number(length))
  const first = Math.floor(toNumber(address) / size) * size
  return { first, last: first + size - 1 }
}

/** The subnet that an address is in. */
export const subnetOf = (subnets: ReadonlyArray<Subnet>, address: number): Subnet | undefined =>
  subnets.find(({ cidr }) => {
    const network = networkOf(cidr)
    return network !== undefined && network.first <= address && address <= network.last
  })

/** Advice is written for a shell. */
export const quoted = (text: string): string => /^[\w./:-]+$/u.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** `[tag:…,][set:…,][interface:…,]first,last|static|proxy[,mask[,broadcast]][,lease time]`. */
export const rangesOf = (lines: ReadonlyArray<ConfLine>): ReadonlyArray<DhcpRange> =>
  lines.flatMap(({ keyword, place, value }): ReadonlyArray<DhcpRange> => {
    if (keyword !== "dhcp-range") return []
    const fields = value.split(",").map((field) => field.trim()).filter((field) =>
      !/^(?:tag|set|net|interface|constructor):/u.test(field)
    )
    const [first = "", second = ""] = fields
    if (!isIpv4(first)) return []
    if (isIpv4(second)) return [{ place, first: toNumber(first), last: toNumber(second), isStatic: false }]
    return second === "static" ? [{ place, first: toNumber(first), last: toNumber(first), isStatic: true }] : []
  })
