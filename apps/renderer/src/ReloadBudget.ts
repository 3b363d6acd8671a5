/**
 * When dnsmasq may be reloaded or restarted again: it spends at most a share of its time in that, and a least interval
 * lies between two.
 *
 * What was not spent in the last while is saved up, so that a few changes after a quiet time wait for the interval only.
 * Pure; times are monotonic nanoseconds.
 */
import { Duration } from "effect"
import { type Settings } from "./RendererConfig.ts"

export interface ReloadBudget {
  /** From here on the share of time allows the next. */
  readonly paid: bigint
  /** From here on the interval allows it. */
  readonly apart: bigint
}

export const untouched: ReloadBudget = { paid: 0n, apart: 0n }

const later = (one: bigint, other: bigint): bigint => one > other ? one : other

/**
 * One began, and kept dnsmasq from answering for `blocked` seconds. One that could not wait (the previous file put back)
 * is added to what the one before it owes.
 */
export const spend = (
  { apart, paid }: ReloadBudget,
  began: bigint,
  blocked: number,
  { activationInterval, reloadSaved, reloadShare }: Pick<Settings, "activationInterval" | "reloadSaved" | "reloadShare">
): ReloadBudget => ({
  paid: later(paid, began - Duration.toNanosUnsafe(reloadSaved)) + BigInt(Math.ceil((blocked / reloadShare) * 1e9)),
  apart: later(apart, began) + Duration.toNanosUnsafe(activationInterval)
})

export const waitOf = ({ apart, paid }: ReloadBudget, now: bigint): Duration.Duration => {
  const free = later(paid, apart)
  return Duration.nanos(free > now ? free - now : 0n)
}
