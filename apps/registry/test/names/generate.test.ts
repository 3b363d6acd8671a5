import { Mac } from "@leasehold/events"
import { Result, Schema } from "effect"
import { assert, describe, it } from "vitest"
import { isHostName, isServiceName } from "../../src/names/forbidden.ts"
import { type About, generate } from "../../src/names/generate.ts"
import { parsePattern } from "../../src/names/Pattern.ts"
import { random } from "../randomEvents.ts"

const mac = Schema.decodeSync(Mac)("00:16:3e:ab:cd:ef")
const about: About = { mac, address: "10.0.0.7", vendor: "Espressif Inc.", subnet: "Guest Wi-Fi 2.4" }
const nothing: About = { mac, address: null, vendor: null, subnet: undefined }

const by = (pattern: string, of = about, forbidden: ReadonlyArray<string> = []) =>
  generate({ id: "1", pattern: Result.getOrThrow(parsePattern(pattern)), forbidden: new Set(forbidden) }, of)
const problem = (pattern: string) => {
  const parsed = parsePattern(pattern)
  return Result.isFailure(parsed) ? parsed.failure.actual : undefined
}

describe("a pattern", () => {
  it("is literal text and placeholders", () => {
    const names = [
      "host-{mac:6}",
      "dev-{mac}",
      "x{mac:1}",
      "pc-{ip}",
      "pc-{ip:dashed}",
      "{vendor}-{mac:4}",
      "{subnet}-{mac:6}",
      "Kiosk"
    ].map((pattern) => by(pattern).name)
    assert.deepStrictEqual(names, [
      "host-abcdef",
      "dev-00163eabcdef",
      "xf",
      "pc-10-0-0-7",
      "pc-10-0-0-7",
      "espressif-cdef",
      "guest-wi-fi-2-4-abcdef",
      "kiosk"
    ])
  })

  it("that says something else is refused with what that is", () => {
    const refused = ["{foo}", "{mac:13}", "{mac:0}", "{mac:06}", "a{b", "a}", "a b", "a.b", "a_b", "ü-{mac}", "", "--"]
    assert.deepStrictEqual(refused.map(problem), [
      "{foo}",
      "{mac:13}",
      "{mac:0}",
      "{mac:06}",
      "a{b",
      "a}",
      " ",
      ".",
      "_",
      "ü",
      "",
      "--"
    ])
    for (const pattern of ["${process}", "{{mac}}", "{seq}-{seq}", "{constructor}", "x".repeat(121)]) {
      assert.isString(problem(pattern), pattern)
    }
  })

  it("falls back to the digits of the MAC where nothing is known for a placeholder", () => {
    assert.deepStrictEqual(
      ["pc-{ip}", "{vendor}", "{vendor}-{mac:4}", "{subnet}-{vendor}"].map((pattern) => by(pattern, nothing).name),
      ["pc-abcdef", "abcdef", "cdef", "abcdef-abcdef"]
    )
  })

  it("is told from a name that means something else, and from forbidden ones", () => {
    assert.deepStrictEqual(
      [by("{ip}"), by("{mac}"), by("wpad"), by("www"), by("kiosk", about, ["kiosk"]), by("12h")].map(({ name }) =>
        name
      ),
      ["host-10-0-0-7", "host-00163eabcdef", "host-wpad", "host-www", "host-kiosk", "host-12h"]
    )
    assert.strictEqual(by("kiosk", about, ["kiosk", "host-kiosk"]).name, "host-abcdef")
  })

  it("with the MAC's last digits has all of them where those are taken", () => {
    assert.deepStrictEqual(by("dev-{mac:6}").candidates.slice(0, 2), ["dev-abcdef", "dev-00163eabcdef"])
    assert.deepStrictEqual(by("kiosk").candidates, ["kiosk", "kiosk-abcdef", "kiosk-00163eabcdef"])
  })

  it("with a number finds it again in the names that it made", () => {
    for (const pattern of ["pc-{seq}", "{seq}", "{seq}-pc", "ns{seq}x", "{vendor}{seq}-{mac:4}"]) {
      const { candidates, numbered } = by(pattern)
      assert.deepStrictEqual(candidates, [], "it has no name without a number")
      for (const number of [1, 9, 10, 123_456]) {
        const names = numbered?.withNumber(number).candidates ?? []
        assert.isAbove(names.length, 1)
        for (const name of names) assert.strictEqual(numbered?.numberIn(name), number, name)
      }
      for (const other of ["pc-", "pc-x", "nas", "pc-007", ""]) assert.isUndefined(numbered?.numberIn(other), other)
    }
  })

  it("always makes valid names of at most 63 characters, whatever it is filled with", () => {
    const next = random(11)
    const pick = <A>(items: ReadonlyArray<A>, otherwise: A): A => items[Math.floor(next() * items.length)] ?? otherwise
    const pieces = [
      "{mac}",
      "{mac:2}",
      "{ip}",
      "{vendor}",
      "{subnet}",
      "-",
      "--",
      "a",
      "xn",
      "0x",
      "12",
      "x".repeat(40),
      "Z"
    ]
    const hostile = [
      "",
      "ü",
      "\u0000\n",
      "ignore",
      "wpad",
      "=HYPERLINK(1)",
      "<b>",
      "-".repeat(70),
      "é".repeat(300),
      "10-0-0-7"
    ]
    let made = 0
    for (let round = 0; round < 4_000; round++) {
      const text = Array.from({ length: 1 + Math.floor(next() * 5) }, () => pick(pieces, "a")).join("")
      if (Result.isFailure(parsePattern(text))) continue
      const of: About = {
        mac,
        address: pick(["10.0.0.7", "255.255.255.255", null], null),
        vendor: pick([...hostile, null], null),
        subnet: pick([...hostile, undefined], undefined)
      }
      const { candidates } = by(text, of, ["a", "host-a"])
      assert.isNotEmpty(candidates, text)
      for (const name of candidates) {
        assert.isTrue(isHostName(name) && !isServiceName(name) && name !== "a", `${text}: ${name}`)
      }
      made += 1
    }
    assert.isAbove(made, 3_000)
  })
})
