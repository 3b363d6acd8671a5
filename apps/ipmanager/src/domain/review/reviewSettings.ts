/** What dnsmasq tells clients of their subnet, against what the registry says: the gateway and the domain. */
import type { Subnet } from "@leasehold/registry-api"
import { isIpv4, type Place, placeText } from "../imports/ImportItem.ts"
import type { Finding } from "../views/finding.ts"
import type { ConfLine } from "./confLines.ts"
import { networkOf, quoted, subnetOf, toNumber } from "./ranges.ts"

interface Routers {
  readonly place: Place
  readonly addresses: ReadonlyArray<string>
  /** Only some clients get it. */
  readonly tagged: boolean
}

/** `dhcp-option=[tag:…,]3,10.0.0.1` or `option:router,10.0.0.1`. */
const routersOf = (lines: ReadonlyArray<ConfLine>): ReadonlyArray<Routers> =>
  lines.flatMap(({ keyword, place, value }) => {
    if (keyword !== "dhcp-option" && keyword !== "dhcp-option-force") return []
    const fields = value.split(",").map((field) => field.trim())
    const plain = fields.filter((field) => !/^(?:tag|net|set):/u.test(field))
    const [option = "", ...values] = plain
    const addresses = values.filter((address) => isIpv4(address) && address !== "0.0.0.0")
    return (option === "3" || option === "option:router") && addresses.length > 0
      ? [{ place, addresses, tagged: plain.length < fields.length }]
      : []
  })

const reviewRouter = ({ addresses, place, tagged }: Routers, served: ReadonlyArray<Subnet>): ReadonlyArray<Finding> => {
  const inside = served.filter((subnet) => addresses.some((one) => subnetOf([subnet], toNumber(one)) !== undefined))
  const [only, ...more] = served
  // A router of no subnet is meant for the only one that there is.
  const meant = inside.length > 0 || tagged || only === undefined || more.length > 0 ? inside : [only]
  return meant.filter(({ gateway }) => !addresses.includes(gateway)).map(({ cidr, gateway }): Finding => ({
    severity: "warning",
    code: "gateway-differs",
    subject: placeText(place),
    message: `dnsmasq tells clients the router ${addresses.join(", ")}, and ${cidr} says ${gateway || "nothing"}`,
    advice: inside.length === 0
      ? "Correct the option: the router is in no subnet of this server."
      : `If dnsmasq is right: ipmanager subnet set ${quoted(cidr)} --gateway ${addresses[0]}`
  }))
}

/** `domain=lan` is for all; `domain=lan,10.0.0.0/24` and `domain=lan,10.0.0.1,10.0.0.9` for some addresses. */
const domainOf = (lines: ReadonlyArray<ConfLine>, { cidr }: Subnet): ConfLine | undefined => {
  const network = networkOf(cidr)
  const domains = lines.filter(({ keyword, value }) => keyword === "domain" && value !== "" && !value.startsWith("#"))
  const own = domains.find(({ value }) => {
    const [, where = "", end = where] = value.split(",").map((field) => field.trim())
    const given = where.includes("/")
      ? networkOf(where)
      : isIpv4(where) && isIpv4(end)
      ? { first: toNumber(where), last: toNumber(end) }
      : undefined
    return network !== undefined && given !== undefined && given.first <= network.last && network.first <= given.last
  })
  return own ?? domains.findLast(({ value }) => !value.includes(","))
}

const reviewDomain = (lines: ReadonlyArray<ConfLine>, subnet: Subnet): ReadonlyArray<Finding> => {
  const line = domainOf(lines, subnet)
  const domain = line?.value.split(",", 1)[0]?.trim() ?? ""
  return line === undefined || domain.toLowerCase() === subnet.domain ? [] : [{
    severity: "warning",
    code: "domain-differs",
    subject: placeText(line.place),
    message: `dnsmasq names hosts in ${domain}, and ${subnet.cidr} says ${subnet.domain || "nothing"}`,
    advice: `If dnsmasq is right: ipmanager subnet set ${quoted(subnet.cidr)} --domain ${quoted(domain)}`
  }]
}

/** @param served the subnets that this configuration should serve */
export const reviewSettings = (
  lines: ReadonlyArray<ConfLine>,
  served: ReadonlyArray<Subnet>
): ReadonlyArray<Finding> => [
  ...routersOf(lines).flatMap((routers) => reviewRouter(routers, served)),
  ...served.flatMap((subnet) => reviewDomain(lines, subnet))
]
