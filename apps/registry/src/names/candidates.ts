/**
 * The names that a system would have, best first.
 *
 * They follow from the wanted name and the MAC alone, so that in whatever order systems arrive only who holds the bare
 * name can differ. The form with all twelve digits can be nobody else's.
 */
import type { Mac, NameSource } from "@leasehold/events"
import { digitsOf } from "./clientLabel.ts"

export interface Wanted {
  readonly source: NameSource
  /** The name without a suffix; what is generated has none that could be called so. */
  readonly name: string
  readonly candidates: ReadonlyArray<string>
  /** Who asked for the name last has it: the holder gives way to a later one. */
  readonly lastWins?: boolean
  /** What the system is called where it may have none of the candidates. */
  readonly fallback?: Wanted
  /** The candidates need a number of the policy; there are none before it has one. */
  readonly numbered?: Numbered
}

export interface Numbered {
  readonly policyId: string
  readonly withNumber: (number: number) => Wanted
  /** The number in a name that the policy generated for the system earlier. */
  readonly numberIn: (name: string) => number | undefined
}

export const suffixed = (mac: Mac, label: string): readonly [string, string] => {
  const digits = digitsOf(mac)
  return [`${label.slice(0, 56)}-${digits.slice(6)}`, `${label.slice(0, 50)}-${digits}`]
}

/** By the pattern that the default policy begins with: `host-{mac:6}`. */
export const generated = (mac: Mac): Wanted => {
  const [short, long] = suffixed(mac, "host")
  return { source: "generated", name: short, candidates: [short, long] }
}

export const fromClient = (mac: Mac, label: string): Wanted => ({
  source: "client",
  name: label,
  candidates: [label, ...suffixed(mac, label)]
})

/** An administrator's reservation: the name as it is; suffixed only where two reservations in two domains have it. */
export const fromReservation = (mac: Mac, name: string): Wanted => ({
  source: "reservation",
  name,
  candidates: [name, ...suffixed(mac, name)]
})

/** Whether the text is what `generated` makes for the MAC: dnsmasq repeats it, the client never said it. */
export const isGenerated = (mac: Mac, text: string): boolean => generated(mac).candidates.includes(text.toLowerCase())

/** Whether the text ends in digits of the MAC, as the names that we suffix do. */
export const endsInOwnDigits = (mac: Mac, text: string): boolean => {
  const digits = digitsOf(mac)
  const lower = text.toLowerCase()
  return lower.endsWith(`-${digits.slice(6)}`) || lower.endsWith(`-${digits}`)
}

/** By which of its wishes a system is called so; undefined where by none. */
export const sourceOf = ({ candidates, fallback, numbered, source }: Wanted, name: string): NameSource | undefined =>
  candidates.includes(name) || numbered?.numberIn(name) !== undefined
    ? source
    : fallback === undefined
    ? undefined
    : sourceOf(fallback, name)

/** Whether two wishes amount to the same. */
export const isSameWish = (one: Wanted, other: Wanted): boolean =>
  one.source === other.source && one.name === other.name && one.lastWins === other.lastWins &&
  one.candidates.join() === other.candidates.join() && one.numbered?.policyId === other.numbered?.policyId &&
  (one.fallback === undefined || other.fallback === undefined
    ? one.fallback === other.fallback
    : isSameWish(one.fallback, other.fallback))
