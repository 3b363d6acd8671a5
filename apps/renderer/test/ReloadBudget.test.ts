import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { spend, untouched, waitOf } from "../src/ReloadBudget.ts"

const at = (seconds: number) => BigInt(seconds * 1e9)
const limits = { reloadShare: 0.1, activationInterval: Duration.millis(2_500) }
const secondsOf = (budget: { readonly free: bigint }, now: number) => Duration.toSeconds(waitOf(budget, at(now)))

describe("the reload budget", () => {
  it("lets the first one begin at once", () => {
    assert.strictEqual(secondsOf(untouched, 1_000), 0)
  })

  it("makes the next wait nine times as long as the last one blocked dnsmasq", () => {
    assert.strictEqual(secondsOf(spend(untouched, at(1_000), 20, limits), 1_020), 180)
  })

  it("keeps the least interval after a short one", () => {
    const spent = spend(untouched, at(1_000), 0.01, limits)
    assert.strictEqual(secondsOf(spent, 1_000), 2.5)
    assert.strictEqual(secondsOf(spent, 1_002.5), 0)
  })

  it("saves nothing up in a quiet time", () => {
    const spent = spend(spend(untouched, at(1_000), 0.01, limits), at(5_000), 0.01, limits)
    assert.strictEqual(secondsOf(spent, 5_000), 2.5)
  })

  it("adds one that could not wait to what the one before owes", () => {
    const spent = spend(spend(untouched, at(1_000), 0.01, limits), at(1_000.1), 0.01, limits)
    assert.strictEqual(secondsOf(spent, 1_000), 5)
  })

  it("stays below the five starts in ten seconds that systemd allows, when every one fails and is taken back", () => {
    let budget = untouched
    const starts: Array<number> = []
    for (let now = 0; now < 120; now += 0.25) {
      if (secondsOf(budget, now) > 0) continue
      for (const start of [now, now + 0.125]) {
        starts.push(start)
        budget = spend(budget, at(start), 0.0625, limits)
      }
    }
    for (const start of starts) {
      assert.isAtMost(starts.filter((other) => other >= start && other < start + 10).length, 5)
    }
  })
})
