/**
 * When a file that failed is tried again: each time after twice the time, from half a minute up to ten minutes. Other
 * bytes are tried at once, until there were so many failures in a row that the fault is not in the bytes.
 *
 * Pure; times are monotonic nanoseconds.
 */
import { Duration } from "effect"
import { type Settings } from "./RendererConfig.ts"

export interface Failures {
  readonly count: number
  readonly hash: string
  readonly generation: bigint
  readonly notBefore: bigint
}

export const noFailures: Failures = { count: 0, hash: "", generation: -1n, notBefore: 0n }

type Limits = Pick<Settings, "retryMin" | "retryMax" | "breakerFailures">

export const oneMore = (
  { count }: Failures,
  { generation, hash }: { readonly generation: bigint; readonly hash: string },
  now: bigint,
  { retryMax, retryMin }: Limits
): Failures => {
  const delay = Duration.min(Duration.times(retryMin, 2 ** Math.min(count, 20)), retryMax)
  return { count: count + 1, hash, generation, notBefore: now + Duration.toNanosUnsafe(delay) }
}

/** So many in a row that changed bytes wait too. */
export const isBroken = ({ count }: Failures, { breakerFailures }: Limits): boolean => count >= breakerFailures

export const mayTry = (failures: Failures, hash: string, now: bigint, limits: Limits): boolean =>
  now >= failures.notBefore || (hash !== failures.hash && !isBroken(failures, limits))

/** Whether it is known without looking at the bytes that nothing may be tried. */
export const mustWait = (failures: Failures, generation: bigint, now: bigint, limits: Limits): boolean =>
  now < failures.notBefore && (generation === failures.generation || isBroken(failures, limits))
