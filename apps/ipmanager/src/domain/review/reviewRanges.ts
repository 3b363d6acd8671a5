/** dnsmasq's ranges against the registry's subnets, and the reservations inside of them. */
import type { Reservation, Subnet } from "@leasehold/registry-api"
import { placeText } from "../imports/ImportItem.ts"
import type { Finding } from "../views/finding.ts"
import { type DhcpRange, isInside, networkOf, quoted, subnetOf, toAddress } from "./ranges.ts"

const textOf = ({ first, last }: DhcpRange) => `${toAddress(first)}-${toAddress(last)}`

interface Placed {
  readonly range: DhcpRange
  readonly subnet: Subnet
}

/** Where a range is, or why it is nowhere. */
const place = (range: DhcpRange, subnets: ReadonlyArray<Subnet>): Placed | Finding => {
  const subject = placeText(range.place)
  if (range.last < range.first) {
    return {
      severity: "error",
      code: "range-reversed",
      subject,
      message: `${textOf(range)} ends before it begins`,
      advice: "Exchange its addresses."
    }
  }
  const subnet = subnetOf(subnets, range.first)
  const network = subnet === undefined ? undefined : networkOf(subnet.cidr)
  if (subnet === undefined || network === undefined) {
    return {
      severity: "warning",
      code: "range-without-subnet",
      subject,
      message: `the registry has no subnet with ${toAddress(range.first)}: what is seen there gets no reservation`,
      advice: "Declare it: ipmanager subnet add CIDR --range "
        + (range.isStatic ? "''" : textOf(range))
    }
  }
  return range.last <= network.last ? { range, subnet } : {
    severity: "error",
    code: "range-outside-subnet",
    subject,
    message: `${textOf(range)} reaches beyond ${subnet.cidr}`,
    advice: "Correct the range, or the subnet in the registry."
  }
}

const differing = (subnet: Subnet, ranges: ReadonlyArray<DhcpRange>): ReadonlyArray<Finding> => {
  const [one] = ranges
  const known = subnet.range === undefined ? "" : `${subnet.range.first}-${subnet.range.last}`
  if (one === undefined) return []
  const hull = `${toAddress(Math.min(...ranges.map(({ first }) => first)))}-${
    toAddress(Math.max(...ranges.map(({ last }) => last)))
  }`
  return hull === known ? [] : [{
    severity: "warning",
    code: "range-differs",
    subject: placeText(one.place),
    message: `dnsmasq hands out ${ranges.map(textOf).join(" and ")}, and ${subnet.cidr} says ${
      known === "" ? "nothing" : known
    }`,
    advice: `If dnsmasq is right: ipmanager subnet set ${quoted(subnet.cidr)} --range ${hull}`
      + (ranges.length > 1 ? " (the registry holds one range: this is around them)" : "")
  }]
}

/** Each range of which an earlier one has addresses. */
const overlapping = (ranges: ReadonlyArray<DhcpRange>): ReadonlyArray<Finding> =>
  ranges.flatMap((range, index) => {
    const other = ranges.slice(0, index).find(({ first, last }) => first <= range.last && range.first <= last)
    return other === undefined ? [] : [{
      severity: "warning",
      code: "ranges-overlap",
      subject: placeText(range.place),
      message: `${textOf(range)} overlaps ${textOf(other)} at ${placeText(other.place)}`,
      advice: "Make one range of both, or keep them apart."
    }]
  })

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

const reviewPlaces = (ranges: ReadonlyArray<DhcpRange>, subnets: ReadonlyArray<Subnet>): ReadonlyArray<Finding> => {
  const placed = ranges.map((range) => place(range, subnets))
  const dynamic = placed.flatMap((one) => ("code" in one || one.range.isStatic ? [] : [one]))
  return [
    ...placed.flatMap((one) => ("code" in one ? [one] : [])),
    ...subnets.flatMap((subnet) =>
      differing(subnet, dynamic.filter((one) => one.subnet === subnet).map(({ range }) => range))
    )
  ]
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
  ...reviewPlaces(ranges, subnets),
  ...overlapping(ranges.filter(({ first, isStatic, last }) => !isStatic && first <= last)),
  ...ranges.flatMap((range) => inside(range, reservations)),
  ...served.flatMap((subnet) => withoutRange(subnet, ranges, subject))
]
