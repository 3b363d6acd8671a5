import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { type ReloadBudget, spend, untouched, waitOf } from "../src/ReloadBudget.ts"

const at = (seconds: number) => BigInt(seconds * 1e9)
const limits = { reloadShare: 0.1, reloadSaved: Duration.seconds(60), activationInterval: Duration.millis(2_500) }
const secondsOf = (budget: ReloadBudget, now: number) => Duration.toSeconds(waitOf(budget, at(now)))

describe("the reload budget", () => {
  it("lets the first one begin at once", () => {
    assert.strictEqual(secondsOf(untouched, 1_000), 0)
  })

  it("makes the next wait after a long one, less by what was saved up", () => {
    assert.strictEqual(secondsOf(spend(untouched, at(1_000), 20, limits), 1_000), 200 - 60)
  })

  it("lets a few changes follow each other after a quiet time, and keeps the share in the long run", () => {
    let budget = untouched
    const starts: Array<number> = []
    for (let now = 1_000; now < 2_000; now += 0.5) {
      if (secondsOf(budget, now) > 0) continue
      starts.push(now)
      budget = spend(budget, at(now), 2, limits)
    }
    assert.deepStrictEqual(starts.slice(0, 7), [1_000, 1_002.5, 1_005, 1_007.5, 1_020, 1_040, 1_060])
    assert.isAtMost(starts.length * 2, 1_000 * limits.reloadShare + 60 * limits.reloadShare + 2)
  })

  it("keeps the least interval after a short one", () => {
    const spent = spend(untouched, at(1_000), 0.01, limits)
    assert.strictEqual(secondsOf(spent, 1_000), 2.5)
    assert.strictEqual(secondsOf(spent, 1_002.5), 0)
  })

  it("saves no interval up in a quiet time", () => {
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
