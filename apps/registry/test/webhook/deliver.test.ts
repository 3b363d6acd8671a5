import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { makeDeliver, retryAfterOf } from "../../src/webhook/deliver.ts"
import { type Answer } from "../../src/webhook/post.ts"

const settings = { attempts: 5, retryMin: Duration.seconds(1), retryMax: Duration.seconds(3) }
const fact = { id: "outbox-1", type: "system.discovered", attributes: {}, body: new Uint8Array() }
const later: Answer = { _tag: "Later", reason: "HTTP 503" }

/** Delivers with these answers, the last of them for ever; when each attempt was, in milliseconds. */
const delivered = Effect.fnUntraced(function*(...answers: ReadonlyArray<Answer>) {
  const attempts: Array<number> = []
  const post = () =>
    Effect.map(Effect.clockWith((clock) => clock.currentTimeMillis), (now) => {
      attempts.push(now)
      return answers[attempts.length - 1] ?? answers.at(-1) ?? later
    })
  const fiber = yield* Effect.forkChild(makeDeliver(post, settings)(fact))
  yield* TestClock.adjust("30 minutes")
  const [first = 0] = attempts
  return { result: yield* Fiber.join(fiber), attempts: attempts.map((at) => at - first) }
})
const gaps = (attempts: ReadonlyArray<number>) => attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0))

describe("the delivery of a fact", () => {
  it.effect("goes on until the fact is taken", () =>
    Effect.gen(function*() {
      const { attempts, result } = yield* delivered(later, later, { _tag: "Taken" })
      assert.deepStrictEqual(result, { _tag: "Delivered" })
      assert.strictEqual(attempts.length, 3)
    }))

  it.effect("waits longer each time, up to the longest, and ends with the last attempt", () =>
    Effect.gen(function*() {
      const { attempts, result } = yield* delivered(later)
      assert.deepStrictEqual(result, { _tag: "Dead", attempts: 5, reason: "HTTP 503" })
      const bounds = [[500, 1_000], [1_000, 2_000], [1_500, 3_000], [1_500, 3_000]] as const
      gaps(attempts).forEach((gap, index) => {
        const [least, most] = bounds[index] ?? [0, 0]
        assert.isAtLeast(gap, least)
        assert.isAtMost(gap, most)
      })
      assert.strictEqual(attempts.length, 5)
    }))

  it.effect("ends at once with a refusal", () =>
    Effect.gen(function*() {
      const { attempts, result } = yield* delivered({ _tag: "Refused", reason: "HTTP 422" })
      assert.deepStrictEqual([result, attempts.length], [{ _tag: "Dead", attempts: 1, reason: "HTTP 422" }, 1])
    }))

  it.effect("waits for as long as the receiver asks for, within reason", () =>
    Effect.gen(function*() {
      const { attempts } = yield* delivered(
        { ...later, retryAfter: "120" },
        { ...later, retryAfter: "86400" },
        { _tag: "Taken" }
      )
      assert.deepStrictEqual(gaps(attempts), [120_000, 600_000])
    }))

  it("reads what a receiver says of when", () => {
    const now = Date.UTC(2026, 10, 22, 9, 0, 0)
    assert.deepStrictEqual(
      ["5", "0", "Sun, 22 Nov 2026 09:00:30 GMT", "Sun, 22 Nov 2026 08:00:00 GMT", "soon", "-5", "1e9", undefined].map((
        text
      ) => retryAfterOf(text, now)),
      [5_000, 0, 30_000, 0, 0, 0, 0, 0]
    )
  })
})
