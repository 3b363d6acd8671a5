/**
 * Names by a pattern: always valid, never empty, at most 63 characters, and never forbidden.
 *
 * A placeholder that nothing is known for stands for the last six digits of the MAC, and for nothing where the pattern has
 * digits of the MAC already.
 */
import type { Mac } from "@leasehold/events"
import { generated, type Numbered, suffixed, type Wanted } from "./candidates.ts"
import { clientLabel, digitsOf, toLabel } from "./clientLabel.ts"
import type { Part, Pattern } from "./Pattern.ts"
import { vendorLabel } from "./vendorLabel.ts"

/** What a pattern is filled with. */
export interface About {
  readonly mac: Mac
  /** The first IPv4 address that it was seen to hold. */
  readonly address: string | null
  readonly vendor: string | null
  /** Name of the subnet of that address. */
  readonly subnet: string | undefined
}

/** What generating needs of a policy. */
export interface Generating {
  readonly id: string
  readonly pattern: Pattern
  readonly forbidden: ReadonlySet<string>
}

const fill = (part: Part, about: About, digits: number | undefined, number: number): string | undefined => {
  switch (part.type) {
    case "text":
      return part.text
    case "mac":
      return digitsOf(about.mac).slice(-(digits ?? part.digits))
    case "ip":
      return about.address?.replaceAll(".", "-")
    case "vendor":
      return about.vendor === null ? undefined : vendorLabel(about.vendor)
    case "subnet":
      return about.subnet === undefined ? undefined : toLabel(about.subnet.replaceAll(".", "-")) || undefined
    case "seq":
      return String(number)
  }
}

/** @param digits of the MAC, instead of as many as the pattern says */
const compose = (pattern: Pattern, about: About, number: number, digits?: number): string =>
  toLabel(
    pattern.parts
      .map((part) => fill(part, about, digits, number) ?? (pattern.hasMac ? "" : digitsOf(about.mac).slice(6)))
      .join("")
      .replace(/-{2,}/gu, "-")
  )

/** The name as it may be used: with `host-` before it where it would be taken for something else. */
const usable = (mac: Mac, label: string, forbidden: ReadonlySet<string>): string | undefined =>
  [label, toLabel(`host-${label}`)].find((name) => clientLabel(mac, name) === name && !forbidden.has(name))

const withNumber = (policy: Generating, about: About, number: number): Wanted => {
  const { forbidden, pattern } = policy
  const byDefault = generated(about.mac)
  const name = usable(about.mac, compose(pattern, about, number), forbidden)
  if (name === undefined) return byDefault
  const longer = pattern.hasMac ? usable(about.mac, compose(pattern, about, number, 12), forbidden) : undefined
  const all = [name, ...(longer === undefined ? [] : [longer]), ...suffixed(about.mac, name)]
  return { source: "generated", name, candidates: [...new Set(all)].filter((one) => !forbidden.has(one)) }
}

export const generate = (policy: Generating, about: About): Wanted => {
  if (!policy.pattern.hasNumber) return withNumber(policy, about, 0)
  const numbered: Numbered = {
    policyId: policy.id,
    withNumber: (number) => withNumber(policy, about, number),
    numberIn: (name) => {
      // Where the number stands follows from two names that differ in nothing else.
      const [nought, one] = [withNumber(policy, about, 0).name, withNumber(policy, about, 1).name]
      const at = [...nought].findIndex((character, index) => character !== one[index])
      const digits = at < 0 ? undefined : /^[0-9]{1,12}/u.exec(name.slice(at))?.[0]
      const number = digits === undefined ? undefined : Number(digits)
      return number !== undefined && withNumber(policy, about, number).candidates.includes(name) ? number : undefined
    }
  }
  return { source: "generated", name: withNumber(policy, about, 0).name, candidates: [], numbered }
}
