/** `PolicyService`: between the messages of the API and the naming policies. */
import {
  DeletePolicyRequestSchema,
  DeletePolicyResponseSchema,
  GetPolicyRequestSchema,
  GetPolicyResponseSchema,
  ListPoliciesRequestSchema,
  ListPoliciesResponseSchema,
  NameSource,
  type PolicyService,
  TestPolicyRequestSchema,
  TestPolicyResponseSchema,
  UpdatePolicyRequestSchema,
  UpdatePolicyResponseSchema
} from "@leasehold/registry-api"
import type { ServiceImpl } from "@connectrpc/connect"
import { Effect } from "effect"
import { fromMask, noFields, toMessage } from "../../policies/messages.ts"
import { Policies } from "../../policies/Policies.ts"
import { ApiError } from "../ApiError.ts"
import { type Implementing, longestOfAll } from "../implement.ts"

const fewest = 100
const most = 10_000

const sources = {
  administrator: NameSource.ADMINISTRATOR,
  reservation: NameSource.RESERVATION,
  client: NameSource.CLIENT,
  generated: NameSource.GENERATED
} as const

export const policyService = (method: Implementing<Policies>) =>
  ({
    listPolicies: method.unary(
      ListPoliciesRequestSchema,
      ListPoliciesResponseSchema,
      Effect.fnUntraced(function*() {
        const { list } = yield* Policies
        return { policies: (yield* list).map(toMessage) }
      })
    ),
    getPolicy: method.unary(
      GetPolicyRequestSchema,
      GetPolicyResponseSchema,
      Effect.fnUntraced(function*({ subnet }) {
        const policies = yield* Policies
        return { policy: toMessage(yield* policies.get(subnet)) }
      })
    ),
    updatePolicy: method.unary(
      UpdatePolicyRequestSchema,
      UpdatePolicyResponseSchema,
      Effect.fnUntraced(function*({ apply, dryRun, policy, updateMask }, caller, within) {
        const policies = yield* Policies
        const patch = yield* fromMask(policy, updateMask)
        if (updateMask === undefined || updateMask.paths.length === 0) return yield* noFields
        const updated = yield* policies.update({ caller, subnet: policy?.subnet ?? "", patch, apply, dryRun, within })
        return { policy: toMessage(updated.policy), change: updated.change, renamed: BigInt(updated.renamed) }
      }),
      longestOfAll
    ),
    deletePolicy: method.unary(
      DeletePolicyRequestSchema,
      DeletePolicyResponseSchema,
      Effect.fnUntraced(function*({ dryRun, subnet }, caller) {
        const policies = yield* Policies
        return { change: yield* policies.remove(caller, subnet, dryRun) }
      })
    ),
    testPolicy: method.unary(
      TestPolicyRequestSchema,
      TestPolicyResponseSchema,
      Effect.fnUntraced(function*({ limit, policy, updateMask }) {
        const policies = yield* Policies
        if (limit < 0 || limit > most) return yield* ApiError.invalid("limit", `0 to ${most}`, limit)
        const patch = yield* fromMask(policy, updateMask)
        const tried = yield* policies.test(policy?.subnet ?? "", patch, limit === 0 ? fewest : limit)
        return {
          differences: tried.differences.map(({ address, after, afterSource, before, mac }) => ({
            mac,
            address: address ?? "",
            before,
            after,
            afterSource: sources[afterSource]
          })),
          changed: BigInt(tried.changed),
          systems: BigInt(tried.systems)
        }
      }),
      longestOfAll
    )
  }) satisfies ServiceImpl<typeof PolicyService>
