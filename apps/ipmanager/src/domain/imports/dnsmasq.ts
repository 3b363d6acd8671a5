/**
 * Entries of dnsmasq: `dhcp-host=` lines of a configuration, or the lines of a `dhcp-hostsfile`.
 *
 * Read as dnsmasq reads them. Conditions, tags, IPv6 and client identifiers have no place in the registry; each is told
 * by its line.
 */
import { checkHostsFile, type HostForm, type ParsedHost } from "@leasehold/dnsmasq"
import { commentedSubnets } from "../hostLine.ts"
import { type Gathered, type ImportItem, type ImportProblem, leftOut, type Place } from "./ImportItem.ts"

const unrepresented = (host: ParsedHost, place: Place): ReadonlyArray<ImportProblem> =>
  host.parts.flatMap((part): ReadonlyArray<ImportProblem> => {
    switch (part.is) {
      case "set":
        return [leftOut(place, "set", `the tag ${part.tag} is not imported: the registry has no tags`)]
      case "tag":
        return [
          leftOut(place, "tag", `the condition tag:${part.tag} is not imported: the host gets its address without it`)
        ]
      case "ipv6":
        return [leftOut(place, "ipv6", `${part.ip} is not imported: the registry reserves IPv4 addresses`)]
      case "client-id":
      case "any-client-id":
        return [leftOut(place, "id", "the client identifier is not imported: the registry knows machines by MAC")]
      case "name":
        return part.domain === undefined
          ? []
          : [leftOut(place, "domain", `the domain ${part.domain} is not imported: it is the subnet's`)]
      case "mac":
        return part.wildcard === true
          ? [leftOut(place, "mac", `${part.mac} stands for many machines: not imported`)]
          : part.hardwareType !== undefined && part.hardwareType !== 1
          ? [leftOut(place, "mac", `${part.mac} is not Ethernet: not imported`)]
          : []
      default:
        return []
    }
  })

const ethernet = (host: ParsedHost): ReadonlyArray<string> =>
  host.parts.flatMap((part) =>
    part.is === "mac" && part.wildcard !== true && (part.hardwareType ?? 1) === 1 ? [part.mac.toLowerCase()] : []
  ).filter((mac) => mac.length === 17)

/** The host of an entry; undefined where nothing of it can be kept. */
export const hostItem = (host: ParsedHost, place: Place): Gathered => {
  const problems = unrepresented(host, place)
  const macs = [...new Set(ethernet(host))]
  if (macs.length === 0) {
    return {
      items: [],
      problems: [...problems, leftOut(place, "mac", "the entry has no MAC of its own: not imported")]
    }
  }
  if (!host.ignore && host.ip === undefined && host.hostname === undefined) {
    const message = "the entry gives neither address nor name: not imported"
    return { items: [], problems: [...problems, leftOut(place, "line", message)] }
  }
  const item: ImportItem = host.ignore
    ? { place, macs, ignore: true }
    : { place, macs, address: host.ip, name: host.hostname?.toLowerCase(), leaseTime: host.leaseTime }
  return { items: [item], problems }
}

/** Two lines for one MAC or name are no mistake of the file: the registry says whether it takes both. */
const isForRegistry = (field: string, expected: string) => expected.startsWith("one that line") && field !== "ip"

/** dnsmasq accepts it, but the host would get something else than was meant. */
const misread = new Set(["hostname", "ip"])

/** What `unrepresented` says in words of the registry. */
const told = new Set(["set", "tag"])

/** @param form `conf` for `dhcp-host=` lines among others, `hosts` for entries alone */
export const readDnsmasq = (file: string, text: string, form: HostForm): Gathered => {
  const { hosts, problems } = checkHostsFile(text, form)
  const subnets = commentedSubnets(text)
  const read = hosts.map(({ host, line }) => hostItem(host, { file, line }))
  return {
    items: read.flatMap(({ items }) => items).map((item) => {
      const subnet = subnets[item.place.line - 1]
      return item.address === undefined && subnet !== undefined ? { ...item, subnet } : item
    }),
    problems: [
      ...problems.flatMap(({ actual, expected, field, line, refused }) =>
        isForRegistry(field, expected) || told.has(field)
          ? []
          : [{
            place: { file, line },
            field,
            message: field === "line" && expected.startsWith("a newline")
              ? "the last line has no newline: it may be half a line"
              : `expected ${expected}, got ${JSON.stringify(actual)}`,
            refused: refused || misread.has(field)
          }]
      ),
      ...read.flatMap(({ problems }) => problems)
    ]
  }
}
