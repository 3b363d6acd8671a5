/** The plain files of a Unix host: `/etc/ethers`, `/etc/hosts`, and dnsmasq's lease file. */
import { parseLeaseFile } from "@leasehold/dnsmasq"
import {
  type Gathered,
  type ImportItem,
  type ImportProblem,
  isIpv4,
  leftOut,
  readMac,
  readName,
  refuse
} from "./ImportItem.ts"

interface Words {
  readonly line: number
  readonly words: ReadonlyArray<string>
}

const wordsOf = (text: string): ReadonlyArray<Words> =>
  text.split("\n").flatMap((content, index) => {
    const words = content.replace(/#.*$/su, "").trim().split(/\s+/u).filter((word) => word !== "")
    return words.length === 0 ? [] : [{ line: index + 1, words }]
  })

/** `MAC address` or `MAC name`; a name that `/etc/hosts` knows has its address there. */
export const readEthers = (file: string, text: string): Gathered => {
  const items: Array<ImportItem> = []
  const problems: Array<ImportProblem> = []
  for (const { line, words } of wordsOf(text)) {
    const place = { file, line }
    const [hardware = "", host = "", ...more] = words
    // One digit an octet is as good as two in ethers(5).
    const mac = readMac(hardware.split(":").map((octet) => octet.padStart(2, "0")).join(":"))
    const name = readName(host.split(".", 1)[0] ?? "")
    if (mac === undefined) {
      problems.push(refuse(place, "mac", `expected a MAC address, got ${JSON.stringify(hardware)}`))
    } else if (isIpv4(host)) items.push({ place, macs: [mac], address: host })
    else if (name !== undefined && !/^[\d.]+$/u.test(host)) items.push({ place, macs: [mac], name })
    else problems.push(refuse(place, "address", `expected an address or a name, got ${JSON.stringify(host)}`))
    if (more.length > 0)
      problems.push(leftOut(place, "line", `what follows is not read: ${JSON.stringify(more.join(" "))}`))
  }
  return { items, problems }
}

export interface Names {
  /** The first name of an address, without its domain. */
  readonly ofAddress: ReadonlyMap<string, string>
  readonly addressOf: ReadonlyMap<string, string>
  readonly problems: ReadonlyArray<ImportProblem>
}

/** `/etc/hosts`: no hosts by itself, but names for addresses, and addresses for names. */
export const readEtcHosts = (file: string, text: string): Names => {
  const ofAddress = new Map<string, string>()
  const addressOf = new Map<string, string>()
  const problems: Array<ImportProblem> = []
  for (const { line, words } of wordsOf(text)) {
    const place = { file, line }
    const [address = "", ...names] = words
    if (address.includes(":") || address.startsWith("127.")) continue
    if (!isIpv4(address)) {
      problems.push(refuse(place, "address", `expected an IPv4 address, got ${JSON.stringify(address)}`))
      continue
    }
    for (const given of names) {
      const name = readName(given.split(".", 1)[0] ?? "")
      if (name === undefined) {
        problems.push(leftOut(place, "name", `${JSON.stringify(given)} is no name of a host: not used`))
        continue
      }
      if (!ofAddress.has(address)) ofAddress.set(address, name)
      if (!addressOf.has(name)) addressOf.set(name, address)
    }
  }
  return { ofAddress, addressOf, problems }
}

/** Leases as they are now become reservations. */
export const readLeases = (file: string, text: string): Gathered => {
  const { leases, torn, unknown } = parseLeaseFile(text)
  const items: Array<ImportItem> = []
  const problems: Array<ImportProblem> = unknown.map(({ line, text }) =>
    refuse({ file, line }, "line", `expected a lease, got ${JSON.stringify(text)}`)
  )
  if (torn) {
    problems.push(
      refuse({ file, line: 1 }, "file", "dnsmasq was writing the file when it was read, or it was cut: copy it again")
    )
  }
  for (const lease of leases) {
    const place = { file, line: lease.line }
    if (lease.family === 6) {
      problems.push(leftOut(place, "ipv6", `${lease.ip} is not imported: the registry reserves IPv4 addresses`))
      continue
    }
    const mac = lease.hardwareType === 1 ? readMac(lease.mac ?? "") : undefined
    if (mac === undefined) problems.push(leftOut(place, "mac", "the client has no Ethernet address: not imported"))
    else items.push({ place, macs: [mac], address: lease.ip, name: readName(lease.hostname ?? "") })
  }
  return { items, problems }
}
