/**
 * dnsmasq's lease file, DHCPv4 and DHCPv6.
 *
 * dnsmasq rewrites the file in place, so a reader can catch it empty, cut, or with lines of two versions run together.
 * What is certainly so is reported as `torn`; what is not torn may still be half a file, so read it twice and compare,
 * and never take absence from one reading for the end of a lease.
 */
import { isIpv6 } from "./ipv6.ts"
import { digitsEnd, ipv4End, isHostname, octetsEnd, withoutControls } from "./tokens.ts"

const ETHERNET = 1

const LONGEST_SAMPLE = 200

interface Lease {
  /** From 1. */
  readonly line: number
  /** Seconds of the epoch; 0 never expires. */
  readonly expires: number
  readonly ip: string
  readonly hostname?: string
}

export interface Lease4 extends Lease {
  readonly family: 4
  /** ARP hardware type; 1 is Ethernet. */
  readonly hardwareType: number
  /** Absent when the client sent none. */
  readonly mac?: string
  readonly clientId?: string
}

export interface Lease6 extends Lease {
  readonly family: 6
  readonly iaid: number
  /** Of an IA_TA. */
  readonly temporary: boolean
  readonly duid?: string
}

export interface LeaseFile {
  readonly leases: ReadonlyArray<Lease4 | Lease6>
  readonly serverDuid?: string
  /** Lines that are nothing known, without control characters. */
  readonly unknown: ReadonlyArray<{ readonly line: number; readonly text: string }>
  /** The file was certainly being written. */
  readonly torn: boolean
}

const isOctets = (text: string) => octetsEnd(text, 0) === text.length
const isDigits = (text: string) => digitsEnd(text, 0, 20) === text.length
const isIpv4 = (text: string) => ipv4End(text, 0) === text.length

/** `*` stands for nothing. */
const orNothing = (text: string, accepts: (text: string) => boolean) => text === "*" || accepts(text)
const named = (hostname: string) => (hostname === "*" ? {} : { hostname })

/** `06-02:00:00:00:00:06`: the type in hex before other than Ethernet. */
const HARDWARE = /^(?:([0-9a-f]{2})-)?([0-9a-f:]*)$/

const lease4 = (line: number, fields: ReadonlyArray<string>): Lease4 | undefined => {
  const [expires = "", hardware = "", ip = "", hostname = "", clientId = ""] = fields
  const [, type, mac = ""] = HARDWARE.exec(hardware) ?? []
  const isClient = type !== undefined && mac === "" ? true : mac !== "" && isOctets(mac)
  if (!isClient || !orNothing(clientId, isOctets)) return undefined
  return {
    family: 4,
    line,
    expires: Number(expires),
    hardwareType: type === undefined ? ETHERNET : Number.parseInt(type, 16),
    ip,
    ...named(hostname),
    ...(mac === "" ? {} : { mac }),
    ...(clientId === "*" ? {} : { clientId })
  }
}

const lease6 = (line: number, fields: ReadonlyArray<string>): Lease6 | undefined => {
  const [expires = "", id = "", ip = "", hostname = "", duid = ""] = fields
  const temporary = id.startsWith("T")
  const iaid = temporary ? id.slice(1) : id
  if (!isDigits(iaid) || Number(iaid) > 0xffff_ffff || !orNothing(duid, isOctets)) return undefined
  return {
    family: 6,
    line,
    expires: Number(expires),
    ip,
    iaid: Number(iaid),
    temporary,
    ...named(hostname),
    ...(duid === "*" ? {} : { duid })
  }
}

const lease = (line: number, fields: ReadonlyArray<string>): Lease4 | Lease6 | undefined => {
  const [expires = "", , ip = "", hostname = ""] = fields
  if (fields.length !== 5 || !isDigits(expires)) return undefined
  if (!orNothing(hostname, (name) => isHostname(name, 0, name.length))) return undefined
  if (isIpv4(ip)) return lease4(line, fields)
  return isIpv6(ip) ? lease6(line, fields) : undefined
}

/** Lines of 2.93 about a lease above. */
const isExtra = ([word = "", ip = "", hex = ""]: ReadonlyArray<string>) =>
  (word === "vendorclass" || word === "agent-info") && (isIpv4(ip) || isIpv6(ip)) && isOctets(hex)

/** Reads the whole text of a lease file. Never throws. */
export const parseLeaseFile = (text: string): LeaseFile => {
  const leases: Array<Lease4 | Lease6> = []
  const unknown: Array<{ readonly line: number; readonly text: string }> = []
  const addresses = new Set<string>()
  let serverDuid: string | undefined
  let disordered = false

  text.split("\n").forEach((content, index) => {
    const line = index + 1
    const fields = content.split(/[ \t\r]+/).filter((field) => field !== "")
    if (fields.length === 0 || isExtra(fields)) return
    const [word, duid = ""] = fields
    if (word === "duid" && fields.length === 2 && isOctets(duid)) {
      disordered ||= serverDuid !== undefined
      serverDuid = duid
      return
    }
    const found = lease(line, fields)
    if (found === undefined) {
      unknown.push({ line, text: withoutControls(content.slice(0, LONGEST_SAMPLE)) })
      return
    }
    // dnsmasq writes DHCPv4, its DUID, DHCPv6, and no address twice: anything else is two files in one.
    const key = found.family === 6 && found.temporary ? `T${found.ip}` : found.ip
    disordered ||= addresses.has(key) || (found.family === 4) !== (serverDuid === undefined)
    addresses.add(key)
    leases.push(found)
  })

  return {
    leases,
    ...(serverDuid === undefined ? {} : { serverDuid }),
    unknown,
    torn: disordered || !text.endsWith("\n")
  }
}
