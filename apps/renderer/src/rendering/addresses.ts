/** Addresses as numbers, for comparing them. The texts come from PostgreSQL's `inet`, `cidr` and `macaddr`. */

/** Below 2^48. */
export const macNumberOf = (text: string): number => Number.parseInt(text.replaceAll(":", ""), 16)

/** Below 2^32. */
export const addressNumber = (text: string): number =>
  text.split(".").reduce((number, octet) => number * 256 + Number(octet), 0)

export interface Range {
  readonly first: number
  readonly last: number
}

// 0.0.0.0/8 is nobody's address, and from 224.0.0.0 on none is a single system's.
const lowest = addressNumber("1.0.0.0")
const highest = addressNumber("223.255.255.255")

/** The addresses of `10.0.0.0/24` that a system may have: neither the network's nor the broadcast address. */
export const hostsOf = (cidr: string): Range => {
  const [network = "", length = "32"] = cidr.split("/")
  const start = addressNumber(network)
  return { first: Math.max(lowest, start + 1), last: Math.min(highest, start + 2 ** (32 - Number(length)) - 2) }
}
