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
}

export const suffixed = (mac: Mac, label: string): readonly [string, string] => {
  const digits = digitsOf(mac)
  return [`${label.slice(0, 56)}-${digits.slice(6)}`, `${label.slice(0, 50)}-${digits}`]
}

/** The default policy for systems without a usable name: `host-{mac:6}`. */
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

/** Whether the text is the name that we generate for the MAC: dnsmasq repeats it, the client never said it. */
export const isGenerated = (mac: Mac, text: string): boolean => generated(mac).candidates.includes(text.toLowerCase())

/** Whether the text ends in digits of the MAC, as the names that we suffix do. */
export const endsInOwnDigits = (mac: Mac, text: string): boolean => {
  const digits = digitsOf(mac)
  const lower = text.toLowerCase()
  return lower.endsWith(`-${digits.slice(6)}`) || lower.endsWith(`-${digits}`)
}
