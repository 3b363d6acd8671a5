/**
 * When dnsmasq may be reloaded or restarted again: it spends at most a share of its time in that, and a least interval
 * lies between two. The first after a quiet time does not wait, and none is saved up for later.
 *
 * Pure; times are monotonic nanoseconds.
 */
import { Duration } from "effect"
import { type Settings } from "./RendererConfig.ts"

export interface ReloadBudget {
  /** From here on the next may begin. */
  readonly free: bigint
}

export const untouched: ReloadBudget = { free: 0n }

/**
 * One began, and kept dnsmasq from answering for `blocked` seconds. One that could not wait (the previous file put back)
 * is added to what the one before it owes.
 */
export const spend = (
  { free }: ReloadBudget,
  began: bigint,
  blocked: number,
  { activationInterval, reloadShare }: Pick<Settings, "activationInterval" | "reloadShare">
): ReloadBudget => {
  const share = BigInt(Math.ceil((blocked / reloadShare) * 1e9))
  const interval = Duration.toNanosUnsafe(activationInterval)
  return { free: (free > began ? free : began) + (share > interval ? share : interval) }
}

export const waitOf = ({ free }: ReloadBudget, now: bigint): Duration.Duration =>
  Duration.nanos(free > now ? free - now : 0n)
