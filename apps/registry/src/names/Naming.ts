/**
 * The naming policies in force, and what a system would be called by them.
 *
 * A system's policy is that of the subnet of its first address, or the default one. Pure: what the database says is handed in.
 */
import type { Mac } from "@leasehold/events"
import { fromClient, fromReservation, type Wanted } from "./candidates.ts"
import { clientLabel } from "./clientLabel.ts"
import { generate, type Generating } from "./generate.ts"
import { defaultPattern } from "./Pattern.ts"

export type NameConflict = "first-wins" | "last-wins" | "reject"

export interface NamingPolicy extends Generating {
  /** None for the default policy. */
  readonly subnetId: string | null
  readonly conflict: NameConflict
  readonly clientNames: boolean
}

export interface NamedSubnet {
  readonly id: string
  readonly cidr: string
  readonly name: string
}

/** What a name is made of. */
export interface Nameable {
  readonly mac: Mac
  readonly firstName: string | null
  readonly firstAddress: string | null
  readonly vendor: string | null
}

const toNumber = (address: string): number =>
  address.split(".").reduce((number, octet) => number * 256 + Number(octet), 0)

const networkOf = (address: number, length: number): number => address - address % 2 ** (32 - length)

/** No two subnets overlap: in whatever order the lengths are tried, one finds it. */
type SubnetsByLength = ReadonlyMap<number, ReadonlyMap<number, NamedSubnet>>

const byLength = (subnets: Iterable<NamedSubnet>): SubnetsByLength => {
  const result = new Map<number, Map<number, NamedSubnet>>()
  for (const subnet of subnets) {
    const [network = "", length = "32"] = subnet.cidr.split("/")
    const ofLength = result.get(Number(length)) ?? new Map<number, NamedSubnet>()
    result.set(Number(length), ofLength.set(toNumber(network), subnet))
  }
  return result
}

export class Naming {
  readonly default: NamingPolicy
  readonly #bySubnet: ReadonlyMap<string, NamingPolicy>
  readonly #subnets: SubnetsByLength

  private constructor(policy: NamingPolicy, bySubnet: ReadonlyMap<string, NamingPolicy>, subnets: SubnetsByLength) {
    this.default = policy
    this.#bySubnet = bySubnet
    this.#subnets = subnets
  }

  static of(policy: NamingPolicy, others: Iterable<NamingPolicy>, subnets: Iterable<NamedSubnet>): Naming {
    return new Naming(policy, new Map(Array.from(others, (one) => [one.subnetId ?? "", one])), byLength(subnets))
  }

  /** The same with this policy instead of that of its subnet, or of the default one. */
  with(policy: NamingPolicy): Naming {
    return policy.subnetId === null
      ? new Naming(policy, this.#bySubnet, this.#subnets)
      : new Naming(this.default, new Map([...this.#bySubnet, [policy.subnetId, policy]]), this.#subnets)
  }

  subnetOf(address: string | null): NamedSubnet | undefined {
    if (address === null) return undefined
    const number = toNumber(address)
    for (const [length, subnets] of this.#subnets) {
      const subnet = subnets.get(networkOf(number, length))
      if (subnet !== undefined) return subnet
    }
    return undefined
  }

  policyOf(subnet: NamedSubnet | undefined): NamingPolicy {
    return this.policyFor(subnet?.id ?? null)
  }

  /** The subnet's own, or the default one. */
  policyFor(subnetId: string | null): NamingPolicy {
    return (subnetId === null ? undefined : this.#bySubnet.get(subnetId)) ?? this.default
  }

  /** @param reserved the name of an administrator's reservation */
  wanted(system: Nameable, reserved: string | undefined): Wanted {
    if (reserved !== undefined) return fromReservation(system.mac, reserved)
    const { generated, policy: { clientNames, conflict, forbidden } } = this.#by(system)
    const label = system.firstName === null || !clientNames ? undefined : clientLabel(system.mac, system.firstName)
    if (label === undefined || forbidden.has(label)) return generated()
    if (conflict === "reject") {
      return { source: "client", name: label, candidates: [label], fallback: generated() }
    }
    const wanted = fromClient(system.mac, label)
    return {
      ...wanted,
      ...(forbidden.size === 0 ? {} : { candidates: wanted.candidates.filter((name) => !forbidden.has(name)) }),
      ...(conflict === "last-wins" ? { lastWins: true } : {})
    }
  }

  /** Whether a policy would generate the name: dnsmasq repeats it then, and the client never said it. */
  generates(system: Nameable, text: string): boolean {
    const name = text.toLowerCase()
    const { generated, policy } = this.#by(system)
    return (policy.pattern.text !== defaultPattern && generated().candidates.includes(name)) ||
      (policy !== this.default && this.default.pattern.text !== defaultPattern &&
        generate(this.default, { ...system, address: null, subnet: undefined }).candidates.includes(name))
  }

  #by(system: Nameable) {
    const subnet = this.subnetOf(system.firstAddress)
    const policy = this.policyOf(subnet)
    const { mac, vendor } = system
    const generated = () => generate(policy, { mac, vendor, address: system.firstAddress, subnet: subnet?.name })
    return { policy, generated }
  }
}
