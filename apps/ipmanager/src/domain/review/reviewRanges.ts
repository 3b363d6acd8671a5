/** dnsmasq's ranges against the registry's subnets, and the reservations inside of them. */
import type { Reservation, Subnet } from "@leasehold/registry-api"
import { placeText } from "../imports/ImportItem.ts"
import type { Finding } from "../views/finding.ts"
import { type DhcpRange, isInside, networkOf, toAddress } from "./ranges.ts"

const textOf = ({ first, last }: DhcpRange) => `${toAddress(first)}-${toAddress(last)}`

/** Advice is written for a shell. */
const quoted = (text: string) => (/^[\w./:-]+$/u.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)

const reviewRange = (range: DhcpRange, subnets: ReadonlyArray<Subnet>): ReadonlyArray<Finding> => {
  const subject = placeText(range.place)
  if (range.last < range.first) {
    return [{
      severity: "error",
      code: "range-reversed",
      subject,
      message: `${textOf(range)} ends before it begins`,
      advice: "Exchange its addresses."
    }]
  }
  const subnet = subnets.find(({ cidr }) => {
    const network = networkOf(cidr)
    return network !== undefined && network.first <= range.first && range.first <= network.last
  })
  const network = subnet === undefined ? undefined : networkOf(subnet.cidr)
  if (subnet === undefined || network === undefined) {
    return [{
      severity: "warning",
      code: "range-without-subnet",
      subject,
      message: `the registry has no subnet with ${toAddress(range.first)}: what is seen there gets no reservation`,
      advice: "Declare it: ipmanager subnet add CIDR --range "
        + (range.isStatic ? "''" : textOf(range))
    }]
  }
  if (range.last > network.last) {
    return [{
      severity: "error",
      code: "range-outside-subnet",
      subject,
      message: `${textOf(range)} reaches beyond ${subnet.cidr}`,
      advice: "Correct the range, or the subnet in the registry."
    }]
  }
  const known = subnet.range === undefined ? "" : `${subnet.range.first}-${subnet.range.last}`
  if (range.isStatic || known === textOf(range)) return []
  return [{
    severity: "warning",
    code: "range-differs",
    subject,
    message: `dnsmasq hands out ${textOf(range)}, and ${subnet.cidr} says ${known === "" ? "nothing" : known}`,
    advice: `If dnsmasq is right: ipmanager subnet set ${quoted(subnet.cidr)} --range ${textOf(range)}`
  }]
}

const inside = (range: DhcpRange, reservations: ReadonlyArray<Reservation>): ReadonlyArray<Finding> => {
  if (range.isStatic) return []
  const found = reservations.filter(({ address, enabled }) => enabled && isInside(range, address))
  const [one] = found
  if (one === undefined) return []
  const share = found.length / (range.last - range.first + 1)
  return [{
    severity: share > 0.8 ? "warning" : "note",
    code: "reservations-in-range",
    subject: placeText(range.place),
    message:
      `${found.length} of the ${range.last - range.first + 1} addresses of ${textOf(range)} are reserved, such as `
      + `${one.address}: they are never handed out dynamically`,
    advice: share > 0.8
      ? "Widen the range, or move reservations out of it: ipmanager host move"
      : "dnsmasq allows it. Reserve outside of the range where it gets narrow."
  }]
}

const withoutRange = (subnet: Subnet, ranges: ReadonlyArray<DhcpRange>, subject: string): ReadonlyArray<Finding> => {
  const network = networkOf(subnet.cidr)
  const has = network !== undefined
    && ranges.some(({ first }) => network.first <= first && first <= network.last)
  return has ? [] : [{
    severity: "warning",
    code: "subnet-without-dhcp-range",
    subject: subnet.cidr,
    message: `no dhcp-range of ${subject} is in it: dnsmasq answers nobody there, reservations included`,
    advice: `Add \`dhcp-range=${subnet.cidr.split("/")[0]},static\`, or a range.`
  }]
}

/** @param served the subnets that this configuration should serve */
export const reviewRanges = (
  ranges: ReadonlyArray<DhcpRange>,
  subnets: ReadonlyArray<Subnet>,
  served: ReadonlyArray<Subnet>,
  reservations: ReadonlyArray<Reservation>,
  subject: string
): ReadonlyArray<Finding> => [
  ...ranges.flatMap((range) => [...reviewRange(range, subnets), ...inside(range, reservations)]),
  ...served.flatMap((subnet) => withoutRange(subnet, ranges, subject))
]
