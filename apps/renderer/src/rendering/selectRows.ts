/**
 * Reservations row by row: what can be written, and what is left out and why. For those that are more than an address
 * and a MAC, and for a subnet whose text is not sound: the same rules as `isSound`, with words for each.
 */
import { type DhcpHost, formatDhcpHost, type HostForm, type LeaseTime } from "@leasehold/dnsmasq"
import { Result } from "effect"
import { addressNumber, hostsOf } from "./addresses.ts"

/** As PostgreSQL has it; nothing about it is trusted. */
export interface Row {
  readonly id: string
  /** The id of its subnet. */
  readonly subnet: string
  readonly cidr: string
  /** Those that are not blocked; its own comes first. */
  readonly macs: ReadonlyArray<string>
  readonly address: string | null
  readonly name: string | null
  readonly ignore: boolean
  /** Empty when dnsmasq's own lease time holds; more than dnsmasq can count is for ever. */
  readonly seconds: string | null
}

/** A reservation that does not reach the file, and the rule that keeps it out. */
export interface LeftOut {
  readonly id: string
  readonly rule: string
}

export interface Selected {
  readonly lines: ReadonlyArray<string>
  readonly leftOut: ReadonlyArray<LeftOut>
  /** Whose lines they are. */
  readonly rows: ReadonlyArray<Row>
}

const leaseTimeOf = (seconds: string | null): { readonly leaseTime?: LeaseTime } =>
  seconds === null ? {} : { leaseTime: Number(seconds) > 0x7fff_ffff ? "infinite" : { seconds: Number(seconds) } }

const hostOf = ({ address, ignore, macs: [mac = "", ...also], name, seconds }: Row): DhcpHost => ({
  mac,
  also,
  ...(address === null ? {} : { ip: address }),
  ...(name === null ? {} : { hostname: name }),
  ...(ignore ? { ignore } : leaseTimeOf(seconds))
})

const isOutside = (address: string, cidr: string) => {
  const { first, last } = hostsOf(cidr)
  const number = addressNumber(address)
  return number < first || number > last
}

/** `isTaken`: a MAC that has its line already. A line that says the same as one before it is not needed twice. */
export const selectRows = (
  rows: ReadonlyArray<Row>,
  form: HostForm,
  isTaken: (mac: string) => boolean = () => false
): Selected => {
  const addresses = new Set<string>()
  const macs = new Set<string>()
  const lines = new Set<string>()
  const leftOut: Array<LeftOut> = []
  const selected: Array<Row> = []
  const brokenRule = (row: Row) => {
    if (row.address !== null && isOutside(row.address, row.cidr)) {
      return "its address is no host address of its subnet"
    }
    if (row.address !== null && addresses.has(row.address)) return "its address has another reservation"
    if (row.macs.some((mac) => macs.has(mac) || isTaken(mac))) {
      return row.address === null
        ? "its MAC has another reservation without an address at this server"
        : "its MAC has another reservation in this subnet"
    }
    return undefined
  }
  for (const row of rows) {
    if (row.macs.length === 0) continue
    const line = Result.map(formatDhcpHost(hostOf(row), form), (entry) => `${entry}\n`)
    if (Result.isSuccess(line) && row.address === null && lines.has(line.success)) {
      selected.push(row)
      continue
    }
    const rule = Result.isFailure(line) ? line.failure.message : brokenRule(row)
    if (rule !== undefined) {
      leftOut.push({ id: row.id, rule })
      continue
    }
    if (row.address !== null) addresses.add(row.address)
    for (const mac of row.macs) macs.add(mac)
    selected.push(row)
    if (Result.isSuccess(line)) lines.add(line.success)
  }
  return { lines: [...lines], leftOut, rows: selected }
}
