/** Finds the subnet of each item, and what is wrong with items among themselves: a MAC, an address or a name twice. */
import { ipv4ToNumber } from "@leasehold/events"
import { parseNetwork } from "../fields.ts"
import { unfitAddress } from "../Reservations/conflicts.ts"
import { listed, type StoredSubnet } from "../Subnets/rows.ts"
import { isSameMachine, type Item, type Placed, type Problem } from "./model.ts"

/** Finds subnets by address, CIDR or name, in a time that hardly depends on how many there are. */
export const subnetIndex = (subnets: ReadonlyArray<StoredSubnet>) => {
  const networks = subnets.flatMap((subnet) => {
    const network = parseNetwork(subnet.cidr)
    return network === undefined ? [] : [{ ...network, subnet }]
  }).toSorted((one, other) => one.first - other.first)
  const byKey = new Map([
    ...subnets.map((subnet) => [subnet.name, subnet] as const),
    ...subnets.map((subnet) => [subnet.cidr, subnet] as const)
  ])
  const holding = (address: number): StoredSubnet | undefined => {
    let low = 0
    let high = networks.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((networks[middle]?.last ?? 0) < address) low = middle + 1
      else high = middle
    }
    const found = networks[low]
    return found !== undefined && found.first <= address ? found.subnet : undefined
  }
  return { byKey, holding }
}

const twice = (other: number) => `item ${other} has the same`

export const placeItems = (items: ReadonlyArray<Item>, subnets: ReadonlyArray<StoredSubnet>) => {
  const { byKey, holding } = subnetIndex(subnets)
  const placed: Array<Placed> = []
  const problems: Array<Problem> = []
  const macs = new Map<string, number>()
  const addresses = new Map<string, number>()
  const names = new Map<string, Placed>()
  for (const { automatic, index, settings } of items) {
    const problem = (field: string, message: string) => problems.push({ item: index, field, message })
    const address = settings.address === "next" ? undefined : settings.address
    if (settings.address === "next") {
      problem("address", "expected an address: the next free one is not for imports")
      continue
    }
    const named = settings.subnet === undefined ? undefined : byKey.get(settings.subnet)
    if (settings.subnet !== undefined && named === undefined) {
      problem("subnet", `no such subnet; ${listed(subnets)}`)
      continue
    }
    const subnet = named ?? (address === undefined ? undefined : holding(ipv4ToNumber(address)))
    if (subnet === undefined) {
      if (address === undefined) problem("subnet", "expected the subnet, by CIDR or name, where there is no address")
      else problem("address", `no subnet has ${address}: create it first; ${listed(subnets)}`)
      continue
    }
    const unfit = address === undefined ? undefined : unfitAddress(subnet, address)
    if (unfit !== undefined) problem("address", unfit)
    for (const mac of settings.macs) {
      const key = `${subnet.id} ${mac}`
      const other = macs.get(key)
      if (other !== undefined) problem("macs", `${twice(other)}: ${mac}`)
      else macs.set(key, index)
    }
    if (address !== undefined) {
      const other = addresses.get(address)
      if (other !== undefined) problem("address", `${twice(other)}: ${address}`)
      else addresses.set(address, index)
    }
    const one: Placed = { index, subnet, macs: settings.macs, address, settings, automatic }
    if (settings.name !== undefined) {
      const key = `${subnet.domain} ${settings.name}`
      const other = names.get(key)
      if (other === undefined) names.set(key, one)
      else if (!isSameMachine(other.macs, one.macs)) problem("name", `${twice(other.index)}: ${settings.name}`)
    }
    placed.push(one)
  }
  return { placed, problems }
}
