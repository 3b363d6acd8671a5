import { assert, describe, it } from "@effect/vitest"
import { Timestamp, timestampFromMicros, timestampToMicros } from "@leasehold/events"
import { Schema } from "effect"
import { makeEventClock } from "../src/EventClock.ts"

const decode = Schema.decodeUnknownSync(Timestamp)
const stampAll = (texts: ReadonlyArray<string>, begin?: string) => {
  const clock = makeEventClock(begin === undefined ? undefined : decode(begin))
  return texts.map((text) => clock.stamp(decode(text)).slice(17))
}

describe("the time of an event", () => {
  it("is the line's own where the log has fine times", () => {
    assert.deepStrictEqual(stampAll(["2026-11-22T03:47:52.1Z", "2026-11-22T03:47:52.2Z", "2026-11-22T03:47:53Z"]), [
      "52.100000Z",
      "52.200000Z",
      "53.000000Z"
    ])
  })

  it("numbers the lines of one second in the microseconds", () => {
    assert.deepStrictEqual(
      stampAll(["2026-11-22T03:47:52Z", "2026-11-22T03:47:52Z", "2026-11-22T03:47:52Z", "2026-11-22T03:47:53Z"]),
      ["52.000000Z", "52.000001Z", "52.000002Z", "53.000000Z"]
    )
  })

  it("goes on numbering where it left off", () => {
    assert.deepStrictEqual(stampAll(["2026-11-22T03:47:52Z"], "2026-11-22T03:47:52.000007Z"), ["52.000008Z"])
  })

  it("keeps the order of lines when the clock steps back a little", () => {
    assert.deepStrictEqual(stampAll(["2026-11-22T03:47:52.9Z", "2026-11-22T03:47:52.1Z", "2026-11-22T03:47:53Z"]), [
      "52.900000Z",
      "52.900001Z",
      "53.000000Z"
    ])
  })

  it("believes a clock that steps back further", () => {
    assert.deepStrictEqual(stampAll(["2026-11-22T03:47:52Z", "2026-11-22T03:47:42Z", "2026-11-22T03:47:42Z"]), [
      "52.000000Z",
      "42.000000Z",
      "42.000001Z"
    ])
  })

  it.prop("is strictly after the one before, for lines in order, and near the line's own", [
    Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3_000_000 })))
  ], ([steps]) => {
    const clock = makeEventClock()
    let at = 1_800_000_000_000_000
    let before = 0
    for (const [index, step] of steps.entries()) {
      at += step % 3 === 0 ? 0 : step
      const stamped = timestampToMicros(clock.stamp(timestampFromMicros(at)))
      assert.isAbove(stamped, before)
      assert.isAtMost(stamped - at, index)
      assert.isAtLeast(stamped - at, 0)
      before = stamped
    }
  })
})
