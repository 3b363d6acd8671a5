/** The API's enumerations as words, which is how people give them and programs read them. */
import {
  ApplyResult,
  FindingSeverity,
  NameConflict,
  NameSource,
  ReservationSource,
  Scope,
  SubnetPolicy,
  SystemChange,
  SystemState
} from "@leasehold/registry-api"

type Enumeration = Readonly<Record<string, number>>

/** `FIRST_WINS` is `first-wins`; what is unspecified, or newer than this program, is nothing. */
const words = (enumeration: Enumeration) => (value: number): string | undefined => {
  const name = Object.entries(enumeration).find(([, number]) => number === value)?.[0]
  return name === undefined || value === 0 ? undefined : name.toLowerCase().replaceAll("_", "-")
}

export const stateWord = words(SystemState)
export const nameSourceWord = words(NameSource)
export const sourceWord = words(ReservationSource)
export const subnetPolicyWord = words(SubnetPolicy)
export const conflictWord = words(NameConflict)
export const applyWord = words(ApplyResult)
export const severityWord = words(FindingSeverity)
export const scopeWord = words(Scope)
export const changeWord = words(SystemChange)

/** `1 host`, `2 hosts`. */
export const counted = (count: number | bigint, thing: string): string =>
  `${count} ${thing}${Number(count) === 1 ? "" : "s"}`
