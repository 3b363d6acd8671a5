/**
 * Makes a host name of what a client calls itself: one RFC 1123 label, or none where nothing usable is left.
 *
 * Only the first label counts: the domain is the network's. What ends in the twelve digits of another MAC is no name:
 * those endings tell newcomers apart (`candidates.ts`), and nobody may take another's.
 */
import type { Mac } from "@leasehold/events"
import { isHostName, isServiceName } from "./forbidden.ts"

/** The digits of the MAC, without separators. */
export const digitsOf = (mac: Mac): string => mac.replaceAll(":", "")

const endsInDigits = /-([0-9a-f]{12})$/u

/** The label as the text gives it, usable or not. Most names are labels already. */
export const toLabel = (text: string): string => {
  const dot = text.indexOf(".")
  const first = dot < 0 ? text : text.slice(0, dot)
  const folded = /^[a-z0-9-]*$/u.test(first)
    ? first
    : first.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^a-z0-9-]+/gu, "-")
  return folded.replace(/^-+/u, "").slice(0, 63).replace(/-+$/u, "")
}

export const clientLabel = (mac: Mac, text: string): string | undefined => {
  const label = toLabel(text)
  if (!isHostName(label) || isServiceName(label)) return undefined
  const digits = endsInDigits.exec(label)?.[1]
  return digits === undefined || digits === digitsOf(mac) ? label : undefined
}
