import { Option } from "effect"
import { assert, describe, it } from "vitest"
import {
  formatInstant,
  formatLocal,
  formatSpan,
  instantOf,
  millisOf,
  parseSpan,
  parseTime
} from "../../src/domain/time.ts"

const now = Date.parse("2026-11-22T10:00:00Z")
const parsed = (text: string) => Option.getOrUndefined(Option.map(parseTime(text, now), formatInstant))

describe("times", () => {
  it("are read with a zone, without one, and as how long ago", () => {
    assert.strictEqual(parsed("2026-11-22T03:50:23Z"), "2026-11-22T03:50:23Z")
    assert.strictEqual(parsed("2026-11-22T03:50:23.25+01:00"), "2026-11-22T02:50:23.250Z")
    assert.strictEqual(parsed("2h ago"), "2026-11-22T08:00:00Z")
    assert.strictEqual(parsed("3d"), "2026-11-19T10:00:00Z")
    assert.strictEqual(parsed("now"), "2026-11-22T10:00:00Z")
    const local = Option.getOrThrow(parseTime("2026-11-22 03:50", now))
    assert.strictEqual(millisOf(local), new Date(2026, 10, 22, 3, 50).getTime())
    const day = Option.getOrThrow(parseTime("2026-11-22", now))
    assert.strictEqual(millisOf(day), new Date(2026, 10, 22).getTime())
  })

  it("are refused where they are none", () => {
    for (
      const text of ["", "yesterday", "2026-02-30", "2026-13-01T00:00:00Z", "2026-11-22T25:00", "10:30", "5", "-1h"]
    ) {
      assert.isUndefined(parsed(text), text)
    }
  })

  it("are written for people in their zone, and for programs in UTC with what they have of a second", () => {
    const instant = { seconds: 1_795_319_423n, nanos: 55_763_000 }
    assert.strictEqual(formatInstant(instant), "2026-11-22T03:50:23.055763Z")
    assert.strictEqual(formatInstant({ ...instant, nanos: 0 }), "2026-11-22T03:50:23Z")
    assert.strictEqual(formatInstant({ ...instant, nanos: 250_000_000 }), "2026-11-22T03:50:23.250Z")
    assert.strictEqual(formatLocal(instant, "UTC"), "2026-11-22 03:50:23 UTC")
    assert.strictEqual(formatLocal(instant, "Europe/Berlin"), "2026-11-22 04:50:23 CET")
    assert.strictEqual(formatInstant(instantOf(now)), "2026-11-22T10:00:00Z")
  })
})

describe("spans of time", () => {
  it("are written as they are read", () => {
    for (const text of ["90s", "15m", "12h", "3d", "14d", "0s"]) {
      assert.strictEqual(formatSpan(Option.getOrThrow(parseSpan(text))), text)
    }
    assert.strictEqual(formatSpan(Option.getOrThrow(parseSpan("3600"))), "1h")
    assert.strictEqual(formatSpan(Option.getOrThrow(parseSpan("1w"))), "7d")
  })

  it("are refused where they are none", () => {
    for (const text of ["", "h", "1y", "1.5h", "-1h", "infinite", "1h30m"])
      assert.isTrue(Option.isNone(parseSpan(text)))
  })
})
