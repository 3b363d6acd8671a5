/**
 * Automatic reservations: an address goes to the system that was first seen to hold it, and a system gets the first
 * address that it was seen to hold, as if every event had come in its order.
 *
 * A claim that is earlier than those before it takes their place, and who loses falls back on its next claim; so the
 * outcome does not depend on the order of arrival (the last free places of a share excepted). Pure: what has to be known
 * is asked for.
 */
import type { Mac } from "@leasehold/events"

/** A system was seen to hold an address of a subnet. */
export interface Claim {
  readonly subnetId: string
  readonly mac: Mac
  readonly address: string
  readonly at: string
}

export interface Reservation extends Claim {
  /** Decided by an administrator: it stays. */
  readonly fixed: boolean
}

export interface Subnet {
  readonly id: string
  readonly gateway: string | null
  readonly network: string
  readonly broadcast: string
  /** How many automatic reservations it may have, and has. */
  readonly room: number
  readonly automatic: number
}

/** What the database has to be asked before the claims can be settled. */
export interface Unknowns {
  /** Claims whose MAC's and address's reservations are not known. */
  readonly reservations: ReadonlyArray<Claim>
  /** Lost reservations: the later claims of their MACs in the subnet are wanted. */
  readonly ofMacs: ReadonlyArray<Claim>
  /** Freed reservations: the later claims on their addresses are wanted. */
  readonly onAddresses: ReadonlyArray<Claim>
}

export interface Settlement {
  readonly removed: ReadonlyArray<Claim>
  readonly added: ReadonlyArray<Claim>
  /** The same reservation, claimed earlier than was known. */
  readonly earlier: ReadonlyArray<Claim>
}

/** No interface has an address of a group (broadcast among them), or none. */
const isOneInterface = (mac: Mac): boolean =>
  (Number.parseInt(mac.slice(0, 2), 16) & 0x01) === 0 && mac !== "00:00:00:00:00:00"

const order = (one: Claim, other: Claim): number => {
  const [a, b] = [`${one.at} ${one.mac} ${one.address}`, `${other.at} ${other.mac} ${other.address}`]
  return a < b ? -1 : a > b ? 1 : 0
}
const ownKey = (claim: Pick<Claim, "subnetId" | "mac">): string => `${claim.subnetId} ${claim.mac}`

export class Claims {
  readonly #subnets: ReadonlyMap<string, Subnet>
  readonly #pending: Array<Claim>
  readonly #byMac = new Map<string, Reservation | undefined>()
  readonly #byAddress = new Map<string, Reservation | undefined>()
  readonly #initial = new Map<string, Reservation>()
  readonly #automatic: Map<string, number>
  #lost: Array<Claim> = []
  #freed: Array<Claim> = []

  constructor(subnets: Iterable<Subnet>, claims: ReadonlyArray<Claim>) {
    this.#subnets = new Map(Array.from(subnets, (subnet) => [subnet.id, subnet]))
    this.#automatic = new Map(Array.from(this.#subnets.values(), ({ automatic, id }) => [id, automatic]))
    this.#pending = claims.filter((claim) => this.#isUsable(claim)).sort(order)
  }

  /** Tells the reservations of the claims' MACs in their subnets, and of their addresses: all that there are. */
  know(claims: ReadonlyArray<Claim>, reservations: ReadonlyArray<Reservation>): void {
    for (const claim of claims) {
      if (!this.#byMac.has(ownKey(claim))) this.#byMac.set(ownKey(claim), undefined)
      if (!this.#byAddress.has(claim.address)) this.#byAddress.set(claim.address, undefined)
    }
    for (const reservation of reservations) {
      const key = ownKey(reservation)
      if (this.#initial.has(key)) continue
      this.#initial.set(key, reservation)
      this.#byMac.set(key, reservation)
      this.#byAddress.set(reservation.address, reservation)
    }
  }

  /** More claims, of those who lost and on what was freed. */
  add(claims: ReadonlyArray<Claim>): void {
    this.#pending.push(...claims.filter((claim) => this.#isUsable(claim)))
    this.#pending.sort(order)
  }

  /** Settles as far as what is known reaches, and says what else is to be known; undefined when all is settled. */
  settle(): Unknowns | undefined {
    const unknown: Array<Claim> = []
    for (const claim of this.#pending.splice(0)) {
      if (this.#byMac.has(ownKey(claim)) && this.#byAddress.has(claim.address)) this.#consider(claim)
      else unknown.push(claim)
    }
    this.#pending.push(...unknown)
    const [ofMacs, onAddresses] = [this.#lost, this.#freed]
    this.#lost = []
    this.#freed = []
    return unknown.length + ofMacs.length + onAddresses.length === 0
      ? undefined
      : { reservations: unknown, ofMacs, onAddresses }
  }

  get settlement(): Settlement {
    const removed: Array<Claim> = []
    const added: Array<Claim> = []
    const earlier: Array<Claim> = []
    for (const [key, now] of this.#byMac) {
      const before = this.#initial.get(key)
      if (before === now) continue
      if (before !== undefined && now !== undefined && before.address === now.address) {
        earlier.push(now)
      } else {
        if (before !== undefined) removed.push(before)
        if (now !== undefined) added.push(now)
      }
    }
    return { removed, added, earlier }
  }

  #isUsable({ address, mac, subnetId }: Claim): boolean {
    const subnet = this.#subnets.get(subnetId)
    return subnet !== undefined && isOneInterface(mac) && address !== subnet.gateway && address !== subnet.network &&
      address !== subnet.broadcast
  }

  #consider(claim: Claim): void {
    const own = this.#byMac.get(ownKey(claim))
    const holder = this.#byAddress.get(claim.address)
    if (own !== undefined && (own.fixed || order(own, claim) <= 0)) return
    if (holder !== undefined && holder !== own && (holder.fixed || order(holder, claim) <= 0)) return
    if (own === undefined && holder === undefined) {
      const automatic = this.#automatic.get(claim.subnetId) ?? 0
      if (automatic >= (this.#subnets.get(claim.subnetId)?.room ?? 0)) return
      this.#automatic.set(claim.subnetId, automatic + 1)
    }
    if (own !== undefined && holder !== undefined && own !== holder) {
      this.#automatic.set(claim.subnetId, (this.#automatic.get(claim.subnetId) ?? 1) - 1)
    }
    if (own !== undefined && own.address !== claim.address) {
      this.#byAddress.set(own.address, undefined)
      this.#freed.push(own)
    }
    if (holder !== undefined && holder !== own) {
      this.#byMac.set(ownKey(holder), undefined)
      this.#lost.push(holder)
    }
    const reservation: Reservation = { ...claim, fixed: false }
    this.#byMac.set(ownKey(claim), reservation)
    this.#byAddress.set(claim.address, reservation)
  }
}
