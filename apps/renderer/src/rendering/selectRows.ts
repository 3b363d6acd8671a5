/**
 * A subnet whose text is not sound, row by row: what can be written, and what is left out and why. The same rules as
 * `isSound`, for the rare case, with words for each.
 */
import { formatDhcpHost, type HostForm, type LeaseTime } from "@leasehold/dnsmasq"
import { Result } from "effect"
import { addressNumber, hostsOf } from "./addresses.ts"

/** As PostgreSQL has it; nothing about it is trusted. */
export interface Row {
  readonly id: string
  readonly mac: string
  readonly address: string
  readonly name: string
  /** Empty when dnsmasq's own lease time holds; more than dnsmasq can count is for ever. */
  readonly seconds: string | null
}

/** A reservation that does not reach the file, and the rule that keeps it out. */
export interface LeftOut {
  readonly id: string
  readonly rule: string
}

const leaseTimeOf = (seconds: string | null): { readonly leaseTime?: LeaseTime } =>
  seconds === null ? {} : { leaseTime: Number(seconds) > 0x7fff_ffff ? "infinite" : { seconds: Number(seconds) } }

export const selectRows = (
  cidr: string,
  rows: ReadonlyArray<Row>,
  form: HostForm
): { readonly lines: ReadonlyArray<string>; readonly leftOut: ReadonlyArray<LeftOut> } => {
  const { first, last } = hostsOf(cidr)
  const addresses = new Set<string>()
  const macs = new Set<string>()
  const lines: Array<string> = []
  const leftOut: Array<LeftOut> = []
  const brokenRule = ({ address, mac }: Row) => {
    const number = addressNumber(address)
    if (number < first || number > last) return "its address is no host address of its subnet"
    if (addresses.has(address)) return "its address has another reservation"
    if (macs.has(mac)) return "its MAC has another reservation in this subnet"
    return undefined
  }
  for (const row of rows) {
    const { address, id, mac, name, seconds } = row
    const line = formatDhcpHost({ mac, ip: address, hostname: name, ...leaseTimeOf(seconds) }, form)
    const rule = Result.isFailure(line) ? line.failure.message : brokenRule(row)
    if (rule !== undefined) {
      leftOut.push({ id, rule })
      continue
    }
    addresses.add(address)
    macs.add(mac)
    if (Result.isSuccess(line)) lines.push(`${line.success}\n`)
  }
  return { lines, leftOut }
}
