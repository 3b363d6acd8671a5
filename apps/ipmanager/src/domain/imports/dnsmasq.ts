/**
 * Entries of dnsmasq: `dhcp-host=` lines of a configuration, or the lines of a `dhcp-hostsfile`.
 *
 * Read as dnsmasq reads them. Conditions, tags, IPv6 and client identifiers have no place in the registry; each is told
 * by its line. The renderer's own file is left out: its hosts would become imported ones, and be in the way of those by hand.
 */
import { checkHostsFile, type HostForm, type HostsFileProblem, type ParsedHost } from "@leasehold/dnsmasq"
import { commentedSubnets } from "../hostLine.ts"
import { isOwnFile } from "../ownFile.ts"
import {
  contentOf,
  type Gathered,
  type ImportItem,
  type ImportProblem,
  leftOut,
  note,
  type Place,
  refuse
} from "./ImportItem.ts"

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
    const message = "the entry has no MAC of its own: not imported"
    const isTold = problems.some(({ field }) => field === "mac")
    return { items: [], problems: isTold ? problems : [...problems, leftOut(place, "mac", message)] }
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

/** dnsmasq accepts it, but the host would get something else than was meant. */
const misread = new Set(["hostname", "ip"])

/** What `unrepresented` says in words of the registry. */
const told = new Set(["set", "tag"])

/** @param form `conf` for `dhcp-host=` lines among others, `hosts` for entries alone */
export const readDnsmasq = (file: string, text: string, form: HostForm): Gathered => {
  if (isOwnFile(text)) {
    const message = "Leasehold wrote this file, of what the registry has already: not imported"
    return { items: [], problems: [leftOut({ file, line: 1 }, "file", message)] }
  }
  const { hosts, problems: found } = checkHostsFile(text, form)
  const subnets = commentedSubnets(text)
  const read = hosts.map(({ host, line }) => hostItem(host, { file, line }))
  const items = read.flatMap(({ items }) => items).map((item) => {
    const subnet = subnets[item.place.line - 1]
    return item.address === undefined && subnet !== undefined ? { ...item, subnet } : item
  })
  const itemAt = new Map(items.map((item) => [item.place.line, item]))
  const left = new Set(read.flatMap(({ problems }) => problems.map(({ field, place }) => `${place.line} ${field}`)))
  const refused = new Set(found.flatMap((problem) => problem.refused ? [problem.line] : []))

  /** The same entry again is told where all files are known; two for one MAC or name the registry takes, or refuses. */
  const isToldLater = ({ expected, field, line }: HostsFileProblem): boolean => {
    const holder = /^one that line (\d+) /u.exec(expected)?.[1]
    if (holder === undefined) return false
    const [one, other] = [itemAt.get(line), itemAt.get(Number(holder))]
    return field !== "ip" || (one !== undefined && other !== undefined && contentOf(one) === contentOf(other))
  }
  const problems = found.flatMap((problem): ReadonlyArray<ImportProblem> => {
    const { actual, expected, field, line } = problem
    const place = { file, line }
    if (isToldLater(problem) || told.has(field)) return []
    const isCut = field === "line" && expected.startsWith("a newline")
    const message = isCut
      ? "the last line has no newline: it may be half a line"
      : `expected ${expected}, got ${JSON.stringify(actual)}`
    if (problem.refused || misread.has(field)) return [refuse(place, field, message)]
    // Of what is refused or left out, a doubt says nothing more.
    const isTaken = isCut || (itemAt.has(line) && !refused.has(line) && !left.has(`${line} ${field}`))
    return isTaken ? [note(place, field, message)] : []
  })
  return { items, problems: [...problems, ...read.flatMap(({ problems }) => problems)] }
}
