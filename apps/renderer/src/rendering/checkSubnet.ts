/**
 * The second layer of defence: what PostgreSQL made of a subnet's reservations, looked at byte by byte before it may
 * reach a file.
 *
 * One pass, plain functions without Effect. There are exactly as many lines as there are rows, so no value can have
 * brought a line of its own; each line is of the one permitted shape; addresses are the subnet's own and rise from line
 * to line; no MAC comes twice, and none of either is spoken for elsewhere.
 */
import { hostsOf } from "./addresses.ts"
import {
  ipv4End,
  ipv4Number,
  isComma,
  isNewline,
  leaseTimeEnd,
  macEnd,
  macNumber,
  nameEnd,
  prefixEnd
} from "./hostLine.ts"

/** What other lines have, as numbers. */
export interface Taken {
  readonly blocked: ReadonlySet<number>
  readonly macs: ReadonlySet<number>
  readonly addresses: ReadonlySet<number>
}

export const isSound = (bytes: Uint8Array, rows: number, cidr: string, prefix: string, taken: Taken): boolean => {
  const { first, last } = hostsOf(cidr)
  const macs = new Float64Array(rows)
  let before = first - 1
  let at = 0
  for (let row = 0; row < rows; row++) {
    const mac = prefixEnd(bytes, at, prefix)
    if (mac === -1) return false
    const macStop = macEnd(bytes, mac)
    if (macStop === -1 || !isComma(bytes, macStop)) return false
    const addressStop = ipv4End(bytes, macStop + 1)
    if (addressStop === -1 || !isComma(bytes, addressStop)) return false
    const nameStop = nameEnd(bytes, addressStop + 1)
    const stop = nameStop !== -1 && isComma(bytes, nameStop) ? leaseTimeEnd(bytes, nameStop + 1) : nameStop
    if (stop === -1 || !isNewline(bytes, stop)) return false

    const address = ipv4Number(bytes, macStop + 1, addressStop)
    const number = macNumber(bytes, mac)
    if (address <= before || address > last || taken.addresses.has(address)) return false
    if (taken.blocked.has(number) || taken.macs.has(number)) return false
    before = address
    macs[row] = number
    at = stop + 1
  }
  return at === bytes.length && isWithoutRepetition(macs.sort())
}

const isWithoutRepetition = (sorted: Float64Array): boolean => {
  for (let at = 1; at < sorted.length; at++) if (sorted[at] === sorted[at - 1]) return false
  return true
}
