/** Naming policies as messages of the API, which is also how the bucket `policies` has them. */
import type { MessageInitShape } from "@bufbuild/protobuf"
import type { FieldMask } from "@bufbuild/protobuf/wkt"
import { NameConflict, NameConflictSchema, type NamingPolicy, type NamingPolicySchema } from "@leasehold/registry-api"
import { Effect } from "effect"
import { ApiError } from "../api/ApiError.ts"
import { enumName, enumNames } from "../api/enumNames.ts"
import { toTimestamp } from "../api/messages.ts"
import type { NameConflict as Conflict } from "../names/Naming.ts"
import { type PolicyPatch, readPatch } from "./PolicyFields.ts"
import type { Policy } from "./rows.ts"

const toConflict: Readonly<Record<Conflict, NameConflict>> = {
  "first-wins": NameConflict.FIRST_WINS,
  "last-wins": NameConflict.LAST_WINS,
  "reject": NameConflict.REJECT
}

const fromConflict = (conflict: NameConflict): Conflict | undefined => {
  switch (conflict) {
    case NameConflict.FIRST_WINS:
      return "first-wins"
    case NameConflict.LAST_WINS:
      return "last-wins"
    case NameConflict.REJECT:
      return "reject"
    default:
      return undefined
  }
}

export const toMessage = (policy: Policy): MessageInitShape<typeof NamingPolicySchema> => ({
  subnet: policy.subnet,
  pattern: policy.pattern,
  forbidden: [...policy.forbidden],
  conflict: toConflict[policy.conflict],
  clientNames: policy.clientNames,
  domain: policy.domain,
  revision: BigInt(policy.revision),
  updatedAt: toTimestamp(policy.updatedAt)
})

/** Fields of a message by the names that a mask has. */
const fieldOf = (policy: NamingPolicy, path: string): PolicyPatchInput | undefined => {
  switch (path) {
    case "pattern":
      return { pattern: policy.pattern }
    case "forbidden":
      return { forbidden: policy.forbidden }
    case "conflict":
      return { conflict: fromConflict(policy.conflict) }
    case "client_names":
      return { clientNames: policy.clientNames }
    case "domain":
      return { domain: policy.domain }
    default:
      return undefined
  }
}
type PolicyPatchInput = Parameters<typeof readPatch>[0]

const paths = "pattern, forbidden, conflict, client_names, domain"

/** What the mask names of the policy. */
export const fromMask = (
  policy: NamingPolicy | undefined,
  mask: FieldMask | undefined
): Effect.Effect<PolicyPatch, ApiError> => {
  if (policy === undefined) return Effect.fail(ApiError.invalid("policy", "a naming policy"))
  const input: { -readonly [Key in keyof PolicyPatchInput]: PolicyPatchInput[Key] } = {}
  for (const path of mask?.paths ?? []) {
    const field = fieldOf(policy, path)
    if (field === undefined) return Effect.fail(ApiError.invalid("update_mask", `fields among ${paths}`, path))
    if (path === "conflict" && field.conflict === undefined) {
      const given = enumName(NameConflictSchema, policy.conflict)
      return Effect.fail(ApiError.invalid("policy.conflict", enumNames(NameConflictSchema), given))
    }
    Object.assign(input, field)
  }
  return Effect.fromResult(readPatch(input))
}

export const noFields = ApiError.invalid("update_mask", `at least one field among ${paths}`)
