/**
 * The naming policies, as administrators see and set them.
 *
 * Setting one renames nothing that exists unless it is asked for; trying one changes nothing at all.
 */
import { Postgres, type PostgresError } from "@leasehold/runtime"
import { Clock, Context, Duration, Effect, Layer, Result, Semaphore } from "effect"
import { Administration } from "../administration/Administration.ts"
import { ApiError } from "../api/ApiError.ts"
import type { Caller } from "../api/Caller.ts"
import { loadNaming } from "../apply/NamingCache.ts"
import { parsePattern } from "../names/Pattern.ts"
import { applyPolicy } from "./applyPolicy.ts"
import type { PolicyFields, PolicyPatch } from "./PolicyFields.ts"
import { findSubnet, loadDefault, loadPolicies, loadPolicy, type Policy, removePolicy, writePolicy } from "./rows.ts"
import { type Tried, tryPolicy } from "./trial.ts"

export interface PolicyUpdate {
  readonly caller: Caller
  /** CIDR or name of a subnet; empty for the default policy. */
  readonly subnet: string
  readonly patch: PolicyPatch
  /** Renames what exists as well. */
  readonly apply: boolean
  readonly dryRun: boolean
  /** How long somebody waits for it: what has not been renamed shortly before stays as it is, and is told. */
  readonly within?: Duration.Duration
  /** Refuses where the policy, or its absence, is another than that by now. */
  readonly ifRevision?: string | undefined
}

export interface PolicyUpdated {
  readonly policy: Policy
  readonly change: bigint
  readonly renamed: number
}

export class Policies extends Context.Service<Policies, {
  readonly list: Effect.Effect<ReadonlyArray<Policy>>
  /** That of the subnet, or the default one where it has none of its own. */
  get(subnet: string): Effect.Effect<Policy, ApiError>
  update(update: PolicyUpdate): Effect.Effect<PolicyUpdated, ApiError>
  /** Gives a subnet back to the default policy; its systems keep their names. Returns the number of the change. */
  remove(caller: Caller, subnet: string, dryRun: boolean): Effect.Effect<bigint, ApiError>
  /** Which names would change if the policy were set and applied. */
  test(subnet: string, patch: PolicyPatch, limit: number): Effect.Effect<Tried, ApiError>
}>()("registry/policies/Policies") {
  static readonly layer = Layer.effect(
    Policies,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const administration = yield* Administration

      const get = Effect.fn("Policies.get")(function*(key: string) {
        const subnet = yield* findSubnet(postgres, key, "subnet")
        const own = subnet === undefined ? undefined : yield* loadPolicy(postgres, subnet.id)
        return own ?? (yield* loadDefault(postgres))
      }, orDie)

      // One at a time: it takes memory, and a connection, for as long as it lasts.
      const trials = yield* Semaphore.make(1)
      const test = Effect.fn("Policies.test")(
        (key: string, patch: PolicyPatch, limit: number) =>
          postgres.transaction((client) =>
            Effect.gen(function*() {
              const subnet = yield* findSubnet(client, key, "policy.subnet")
              const own = yield* loadPolicy(client, subnet?.id ?? null)
              const fields = { ...own ?? (yield* loadDefault(client)), ...patch }
              const naming = yield* loadNaming(client)
              const policy = {
                // One that is not there yet has no numbers of its own.
                id: own?.id ?? "0",
                subnetId: subnet?.id ?? null,
                conflict: fields.conflict,
                clientNames: fields.clientNames,
                pattern: Result.getOrElse(parsePattern(fields.pattern), () => naming.default.pattern),
                forbidden: new Set(fields.forbidden)
              }
              return yield* tryPolicy(client, naming.with(policy), policy, limit)
            }), "ISOLATION LEVEL REPEATABLE READ READ ONLY"),
        trials.withPermits(1),
        orDie
      )

      const update = Effect.fn("Policies.update")(function*(options: PolicyUpdate) {
        const { apply, caller, dryRun, ifRevision, patch, subnet: key, within = Duration.infinity } = options
        const begun = yield* Clock.currentTimeMillis
        const { change, result } = yield* administration.change(
          { caller, action: "policy set", dryRun },
          (client) =>
            Effect.gen(function*() {
              const subnet = yield* findSubnet(client, key, "policy.subnet")
              const before = yield* loadPolicy(client, subnet?.id ?? null)
              if (ifRevision !== undefined && ifRevision !== (before?.revision ?? "0")) {
                return yield* ApiError.refuse("aborted", "it was changed meanwhile: read it again", "policy.revision")
              }
              const base: PolicyFields = before ??
                { ...yield* loadDefault(client), ...(subnet === undefined ? {} : { domain: subnet.domain }) }
              yield* writePolicy(client, before, subnet, { ...base, ...patch })
              const after = yield* loadPolicy(client, subnet?.id ?? null)
              return yield* Effect.orDie(Effect.fromNullishOr(after))
            })
        )
        if (!apply) return { policy: result, change, renamed: 0 }
        if (dryRun) return { policy: result, change, renamed: (yield* test(key, patch, 0)).changed }
        return {
          policy: result,
          ...yield* applyPolicy(administration, { caller, policy: result, change, until: begun + beforeTheEnd(within) })
        }
      })

      const remove = Effect.fn("Policies.remove")(function*(caller: Caller, key: string, dryRun: boolean) {
        if (key === "") {
          return yield* ApiError.refuse(
            "invalid-argument",
            "expected the CIDR or name of a subnet: the default policy can be changed, not removed",
            "subnet"
          )
        }
        const { change } = yield* administration.change(
          { caller, action: "policy rm", dryRun },
          (client) =>
            Effect.gen(function*() {
              const subnet = yield* findSubnet(client, key, "subnet")
              const policy = subnet === undefined ? undefined : yield* loadPolicy(client, subnet.id)
              if (policy === undefined) {
                return yield* ApiError.refuse("not-found", "the subnet has no policy of its own", "subnet")
              }
              yield* removePolicy(client, policy)
            })
        )
        return change
      })

      return Policies.of({ list: Effect.orDie(loadPolicies(postgres)), get, update, remove, test })
    })
  )
}

/** In milliseconds: so that there is time for a page that is under way, and for the answer. */
const beforeTheEnd = (within: Duration.Duration): number => {
  const whole = Duration.toMillis(within)
  return Math.max(whole * 0.8, whole - 5_000)
}

/** A broken database is a defect. */
const orDie = <A, E, R>(effect: Effect.Effect<A, E | PostgresError, R>) =>
  Effect.catchTag(effect, "PostgresError", Effect.die)
