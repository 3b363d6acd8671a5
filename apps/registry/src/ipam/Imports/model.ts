/** What an import comes to: every problem, and where there is none, what is to be written. */
import type { Ipv4, Mac } from "@leasehold/events"
import type { Reservation, ReservationSettings } from "../model.ts"
import type { StoredSubnet } from "../Subnets/rows.ts"

export type ImportMode = "add" | "update" | "replace"

export interface Problem {
  readonly item: number
  readonly field: string
  readonly message: string
}

/** What one item says, where all of its fields can be read. */
export interface Item {
  readonly index: number
  readonly settings: ReservationSettings
  /** It was exported as an automatic one: such a one that is the same stays as it is. */
  readonly automatic: boolean
}

/** An item in its subnet. */
export interface Placed {
  readonly index: number
  readonly subnet: StoredSubnet
  readonly macs: ReadonlyArray<Mac>
  readonly address: Ipv4 | undefined
  readonly settings: ReservationSettings
  readonly automatic: boolean
}

export interface Creation {
  readonly item: number
  readonly after: Reservation
}

export interface Alteration extends Creation {
  readonly before: Reservation
}

export interface Plan {
  readonly problems: ReadonlyArray<Problem>
  readonly created: ReadonlyArray<Creation>
  readonly changed: ReadonlyArray<Alteration>
  readonly removed: ReadonlyArray<Reservation>
  readonly unchanged: number
  /** Automatic reservations that end because their address is taken. */
  readonly ended: ReadonlyArray<Reservation>
}

/** One machine has one interface in both: it may be called the same in two subnets. */
export const isSameMachine = (one: ReadonlyArray<Mac>, other: ReadonlyArray<Mac>): boolean =>
  one.length === 1 && other.length === 1 && one[0] === other[0]
