import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import {
  ClientName,
  Hostname,
  Ipv4,
  ipv4FromNumber,
  ipv4ToNumber,
  isLocallyAdministered,
  Mac,
  observedId,
  parseTimestamp,
  sanitizeText,
  ServerId,
  Text,
  Timestamp,
  timestampFromMicros,
  timestampToMicros
} from "../src/index.ts"

describe("Timestamp", () => {
  const canonical: ReadonlyArray<readonly [string, string]> = [
    ["2026-11-22T03:50:23Z", "2026-11-22T03:50:23.000000Z"],
    ["2026-11-22t03:50:23.055763z", "2026-11-22T03:50:23.055763Z"],
    ["2026-11-22T03:50:23.123456789+01:00", "2026-11-22T02:50:23.123456Z"],
    ["2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00.000000Z"],
    ["2024-02-29T00:00:00+0530", "2024-02-28T18:30:00.000000Z"]
  ]
  for (const [text, expected] of canonical) {
    it(`reads ${text}`, () => assert.strictEqual(Option.getOrThrow(parseTimestamp(text)), expected))
  }

  for (
    const text of [
      "2026-02-30T00:00:00Z",
      "2025-02-29T00:00:00Z",
      "2026-11-22 03:50:23",
      "2026-11-22T25:00:00Z",
      "1969-12-31T23:59:59Z",
      "2200-01-01T00:00:00Z",
      ""
    ]
  ) {
    it(`refuses "${text}"`, () => assert.isTrue(Option.isNone(Schema.decodeOption(Timestamp)(text))))
  }

  it.effect.prop("keeps microseconds and the order", [
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4_000_000_000_000_000 })),
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4_000_000_000_000_000 }))
  ], ([a, b]) =>
    Effect.sync(() => {
      const [ta, tb] = [timestampFromMicros(a), timestampFromMicros(b)]
      assert.strictEqual(timestampToMicros(ta), a)
      assert.strictEqual(ta < tb, a < b)
    }))
})

describe("Mac", () => {
  it("tells made-up addresses from assigned ones", () => {
    assert.isTrue(isLocallyAdministered(Schema.decodeSync(Mac)("DA-A1-19-00-00-01")))
    assert.isFalse(isLocallyAdministered(Schema.decodeSync(Mac)("50:54:00:12:34:56")))
  })
})

describe("Ipv4", () => {
  it.effect.prop("counts as a number and back", [
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4_294_967_295 }))
  ], ([n]) => Effect.sync(() => assert.strictEqual(ipv4ToNumber(Option.getOrThrow(ipv4FromNumber(n))), n)))

  it("takes no other spelling", () => {
    for (const text of ["1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 ", "0x1.2.3.4", "1.2.3.256"]) {
      assert.isTrue(Option.isNone(Schema.decodeOption(Ipv4)(text)), text)
    }
  })
})

describe("names", () => {
  it("gives only RFC 1123 labels", () => {
    for (const text of ["a", "nas-2", "9lives", "a".repeat(63)]) assert.isTrue(Schema.is(Hostname)(text), text)
    for (const text of ["", "-a", "a-", "A", "a_b", "a.b", "a".repeat(64), "a\n"])
      assert.isFalse(Schema.is(Hostname)(text), text)
  })

  it("takes client names of any script, but no markup, blanks or control characters", () => {
    for (const text of ["Müller-PC", "under_score", "fq.example.com", "名前"])
      assert.isTrue(Schema.is(ClientName)(text), text)
    for (const text of ["", "my laptop", "a,b", "a\u0000", "<b>", "a\u202eb", "x".repeat(254)])
      assert.isFalse(Schema.is(ClientName)(text), text)
  })
})

describe("Text", () => {
  it.effect.prop(
    "is what sanitizeText makes of anything",
    [Schema.String],
    ([text]) => Effect.sync(() => assert.isTrue(Schema.is(Text)(sanitizeText(text))))
  )

  it("keeps printable text and defuses the rest", () => {
    assert.strictEqual(sanitizeText("MSFT 5.0 é 名"), "MSFT 5.0 é 名")
    assert.strictEqual(sanitizeText("\u061c\u200b\u200e\u200f\u2060\u2064\u2066\ufeff"), "\uFFFD".repeat(8))
    assert.strictEqual(sanitizeText("a\u200d\u200cb"), "a\u200d\u200cb")
    assert.strictEqual(sanitizeText("a\u001b[31m\nb\u202e\ud800"), "a\uFFFD[31m\uFFFDb\uFFFD\uFFFD")
  })
})

describe("observedId", () => {
  it("depends on server, source, position and line, and on nothing else", () => {
    const [lab, shop] = [ServerId.make("lab"), ServerId.make("shop")]
    const ids = [
      observedId(lab, "f", 1, "x"),
      observedId(shop, "f", 1, "x"),
      observedId(lab, "g", 1, "x"),
      observedId(lab, "f", 2, "x"),
      observedId(lab, "f", 1, "y")
    ]
    assert.strictEqual(new Set(ids).size, ids.length)
    assert.strictEqual(observedId(lab, "f", 1, "x"), ids[0])
    assert.match(observedId(lab, "f", 1, "x"), /^[0-9a-f]{40}$/)
  })
})
