/** What administrators decide, as the registry handles it: read from a request or a row, and typed. */
import type { Hostname, Ipv4, Mac, ServerId } from "@leasehold/events"
import type { LeaseTime } from "./fields.ts"

export interface AddressRange {
  readonly first: Ipv4
  readonly last: Ipv4
}

/** What a subnet is set to. */
export interface SubnetSettings {
  readonly cidr: string
  readonly name: string
  readonly policy: "auto" | "manual"
  readonly range: AddressRange | undefined
  readonly gateway: Ipv4 | undefined
  readonly dnsServers: ReadonlyArray<Ipv4>
  readonly domain: string
  readonly leaseTime: LeaseTime | undefined
  readonly servers: ReadonlyArray<ServerId>
  readonly excluded: ReadonlyArray<AddressRange>
  readonly reserveRandomised: boolean
  /** Seconds. */
  readonly autoKeep: number
  readonly autoShare: number
  readonly comment: string
}

/** How a subnet is called in an error: `10.0.0.0/24 (office)`, or the CIDR alone where that is its name. */
export const subnetLabel = ({ cidr, name }: Pick<SubnetSettings, "cidr" | "name">): string =>
  cidr === name ? cidr : `${cidr} (${name})`

export interface Utilisation {
  readonly addresses: number
  readonly reserved: number
  readonly automatic: number
  readonly leased: number
  readonly free: number
}

export interface Subnet extends SubnetSettings {
  readonly id: string
  readonly utilisation: Utilisation
}

export type ReservationSource = "administrator" | "auto" | "import"

export interface Reservation {
  readonly id: string
  readonly macs: ReadonlyArray<Mac>
  readonly address: Ipv4 | undefined
  readonly name: string | undefined
  readonly subnetId: string
  readonly subnet: string
  readonly domain: string
  readonly leaseTime: LeaseTime | undefined
  readonly enabled: boolean
  readonly ignore: boolean
  readonly source: ReservationSource
  readonly comment: string
  readonly createdAt: string
  readonly updatedAt: string
  readonly servers: ReadonlyArray<string>
}

/** What an administrator says of a reservation; what is not said is found. */
export interface ReservationSettings {
  readonly macs: ReadonlyArray<Mac>
  readonly address: Ipv4 | "next" | undefined
  /** CIDR or name; undefined where it follows from the address. */
  readonly subnet: string | undefined
  readonly name: Hostname | undefined
  readonly ignore: boolean
  readonly leaseTime: LeaseTime | undefined
  readonly enabled: boolean
  readonly comment: string
}

/** How a reservation is called in an error: whose it is and how it is found. */
export const describe = (of: {
  readonly id: string
  readonly macs: ReadonlyArray<string>
  readonly address?: string | null | undefined
  readonly name?: string | null | undefined
}): string =>
  `${[of.name ?? "ignore", ...of.macs, ...(of.address == null ? [] : [of.address])].join(" ")} (id ${of.id})`
