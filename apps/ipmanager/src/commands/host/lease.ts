/** `--lease-time` of a reservation. */
import { Effect, Option } from "effect"
import type { Failure } from "../../domain/Failure.ts"
import { readSpan } from "../flags.ts"

export interface LeaseFields {
  readonly fields: { readonly leaseTime?: { seconds: bigint; nanos: number }; readonly leaseInfinite?: boolean }
  /** Whether one was given. */
  readonly given: boolean
}

/** `infinite`, a span, or `default` for that of the subnet. */
export const readLease = Effect.fnUntraced(function*(
  text: Option.Option<string>
): Effect.fn.Return<LeaseFields, Failure> {
  if (Option.isNone(text)) return { fields: {}, given: false }
  if (text.value === "infinite") return { fields: { leaseInfinite: true }, given: true }
  if (text.value === "default") return { fields: {}, given: true }
  const { nanos, seconds } = yield* readSpan("--lease-time", text.value, ", `infinite` or `default`")
  return { fields: { leaseTime: { seconds, nanos } }, given: true }
})
