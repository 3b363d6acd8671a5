/** What a naming policy is set to, read once at the edge: a bad field is named, with what it may be. */
import { Result } from "effect"
import { ApiError } from "../api/ApiError.ts"
import type { NameConflict } from "../names/Naming.ts"
import { parsePattern } from "../names/Pattern.ts"

export interface PolicyFields {
  readonly pattern: string
  readonly forbidden: ReadonlyArray<string>
  readonly conflict: NameConflict
  readonly clientNames: boolean
  /** Of the subnet; of the default policy: that of subnets made without one. */
  readonly domain: string
}

/** The fields that are to be set. */
export type PolicyPatch = Partial<PolicyFields>

type Read<A> = Result.Result<A, ApiError>

const mostForbidden = 1000
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/u
const domainPattern = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*)?$/u
const conflicts: ReadonlyArray<NameConflict> = ["first-wins", "last-wins", "reject"]

const invalid = (field: string, expected: string, actual: unknown) =>
  Result.fail(ApiError.invalid(`policy.${field}`, expected, actual))

const readPattern = (value: unknown): Read<string> => {
  if (typeof value !== "string") return invalid("pattern", "a text such as host-{mac:6}", value)
  const parsed = parsePattern(value)
  return Result.isSuccess(parsed)
    ? Result.succeed(value)
    : invalid("pattern", parsed.failure.expected, parsed.failure.actual)
}

const readForbidden = (value: unknown): Read<ReadonlyArray<string>> => {
  if (!Array.isArray(value) || value.length > mostForbidden) {
    return invalid("forbidden", `at most ${mostForbidden} names`, Array.isArray(value) ? value.length : value)
  }
  const names = new Set<string>()
  for (const name of value) {
    const lower = typeof name === "string" ? name.toLowerCase() : ""
    if (!label.test(lower)) return invalid("forbidden", "names of 1 to 63 letters, digits and inner dashes", name)
    names.add(lower)
  }
  return Result.succeed([...names])
}

const readConflict = (value: unknown): Read<NameConflict> => {
  const conflict = conflicts.find((one) => one === value)
  return conflict === undefined ? invalid("conflict", conflicts.join(", "), value) : Result.succeed(conflict)
}

const readClientNames = (value: unknown): Read<boolean> =>
  typeof value === "boolean" ? Result.succeed(value) : invalid("client_names", "true or false", value)

const readDomain = (value: unknown): Read<string> => {
  const domain = typeof value === "string" ? value.toLowerCase().replace(/\.$/u, "") : undefined
  return domain !== undefined && domainPattern.test(domain) && domain.length <= 253
    ? Result.succeed(domain)
    : invalid("domain", "a domain such as lan.example.org", value)
}

const patchOf = <Key extends keyof PolicyFields>(
  key: Key,
  value: unknown,
  read: (value: unknown) => Read<PolicyFields[Key]>
): ReadonlyArray<Read<PolicyPatch>> =>
  value === undefined ? [] : [Result.map(read(value), (field): PolicyPatch => ({ [key]: field }))]

/** The fields that are there, or everything that is wrong with them. */
export const readPatch = (fields: { readonly [Key in keyof PolicyFields]?: unknown }): Read<PolicyPatch> => {
  const patches = [
    ...patchOf("pattern", fields.pattern, readPattern),
    ...patchOf("forbidden", fields.forbidden, readForbidden),
    ...patchOf("conflict", fields.conflict, readConflict),
    ...patchOf("clientNames", fields.clientNames, readClientNames),
    ...patchOf("domain", fields.domain, readDomain)
  ]
  const violations = patches.flatMap((patch) => Result.isFailure(patch) ? patch.failure.violations : [])
  if (violations.length > 0) {
    const message = violations.map(({ description, field }) => `${field}: ${description}`).join("; ")
    return Result.fail(new ApiError({ code: "invalid-argument", message, violations }))
  }
  return Result.succeed(
    patches.reduce<PolicyPatch>((all, patch) => Result.isSuccess(patch) ? { ...all, ...patch.success } : all, {})
  )
}
