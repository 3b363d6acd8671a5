import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { type Failures, isBroken, mayTry, mustWait, noFailures, oneMore } from "../src/Failures.ts"

const at = (seconds: number) => BigInt(seconds * 1e9)
const limits = { retryMin: Duration.seconds(30), retryMax: Duration.minutes(10), breakerFailures: 3 }
const failed = (before: Failures, hash: string, now: number) =>
  oneMore(before, { hash, generation: 7n }, at(now), limits)

describe("a file that failed", () => {
  it("is tried again later each time, up to ten minutes", () => {
    let failures = noFailures
    let now = 0
    const delays: Array<number> = []
    for (let round = 0; round < 8; round++) {
      failures = failed(failures, "same", now)
      delays.push(Number(failures.notBefore - at(now)) / 1e9)
      now = Number(failures.notBefore) / 1e9
    }
    assert.deepStrictEqual(delays, [30, 60, 120, 240, 480, 600, 600, 600])
  })

  it("waits, while other bytes do not", () => {
    const failures = failed(noFailures, "bad", 100)
    assert.isFalse(mayTry(failures, "bad", at(129), limits))
    assert.isTrue(mayTry(failures, "bad", at(130), limits))
    assert.isTrue(mayTry(failures, "good", at(101), limits))
  })

  it("need not be rendered again while nothing else is wanted", () => {
    const failures = failed(noFailures, "bad", 100)
    assert.isTrue(mustWait(failures, 7n, at(101), limits))
    assert.isFalse(mustWait(failures, 8n, at(101), limits))
    assert.isFalse(mustWait(failures, 7n, at(130), limits))
  })

  it("makes other bytes wait too, when there were too many in a row", () => {
    const failures = ["a", "b", "c"].reduce((before, hash) => failed(before, hash, 100), noFailures)
    assert.isTrue(isBroken(failures, limits))
    assert.isFalse(mayTry(failures, "d", at(101), limits))
    assert.isTrue(mustWait(failures, 99n, at(101), limits))
    assert.isTrue(mayTry(failures, "d", failures.notBefore, limits))
  })
})
