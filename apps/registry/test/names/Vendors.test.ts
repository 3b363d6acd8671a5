import { Mac } from "@leasehold/events"
import { Schema } from "effect"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { assert, describe, it } from "vitest"
import { isHostName } from "../../src/names/forbidden.ts"
import { vendorLabel } from "../../src/names/vendorLabel.ts"
import { vendorOf } from "../../src/names/Vendors.ts"

const decodeMac = Schema.decodeSync(Mac)
const registry = Schema.decodeSync(Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)))(
  readFileSync(createRequire(import.meta.url).resolve("oui-data"), "utf8")
)

/** A MAC with these first digits, and digits after them that no smaller block has; not all have one. */
const within = (prefix: string): Mac | undefined => {
  const taken = (digits: string) => registry[digits.slice(0, 9)] ?? registry[digits.slice(0, 7)]
  const fills = Array.from({ length: 256 }, (_, fill) => fill.toString(16).padStart(2, "0").repeat(6).toUpperCase())
  const digits = fills.map((fill) => (prefix + fill).slice(0, 12))
    .find((all) => prefix.length > 6 || taken(all) === undefined)
  return digits === undefined ? undefined : decodeMac(digits.toLowerCase().replace(/(..)(?=.)/gu, "$1:"))
}

describe("the vendor of a MAC", () => {
  it("is whom the registry names, for prefixes of every length", () => {
    const prefixes = Object.keys(registry).filter((prefix) => (Number.parseInt(prefix.slice(0, 2), 16) & 2) === 0)
    const sample = prefixes.filter((_, index) => index % 7 === 0 || index > prefixes.length - 5)
    assert.sameMembers([...new Set(sample.map(({ length }) => length))], [6, 7, 9])
    const wrong = sample.filter((prefix) => {
      const [name = ""] = registry[prefix]?.split("\n") ?? []
      const expected = name === "Private" || name === "IEEE Registration Authority"
        ? undefined
        : name.trim().slice(0, 100)
      const mac = within(prefix)
      return mac !== undefined && vendorOf(mac) !== expected
    })
    assert.deepStrictEqual(wrong, [])
  })

  it("is nobody for a MAC that its device made up", () => {
    const vendor = registry["001B21"]?.split("\n")[0]
    assert.strictEqual(vendorOf(decodeMac("00:1b:21:00:00:01")), vendor)
    assert.isUndefined(vendorOf(decodeMac("02:1b:21:00:00:01")))
  })

  it("is short as a part of a name, and a label whatever it is", () => {
    assert.deepStrictEqual(
      ["Raspberry Pi Trading Ltd", "Espressif Inc.", "TP-LINK TECHNOLOGIES CO.,LTD.", "BSH Hausgeräte GmbH", "HP Inc."]
        .map(vendorLabel),
      ["raspberry-pi", "espressif", "tp-link", "bsh-hausgerate", "hp"]
    )
    const wrong = Object.values(registry).map((value) => vendorLabel(value.split("\n")[0] ?? "")).filter((label) =>
      label !== undefined && (label.length > 20 || !isHostName(`x${label}`))
    )
    assert.deepStrictEqual(wrong, [])
    assert.isUndefined(vendorLabel("新川センサテクノロジ株式会社"))
    assert.isUndefined(vendorLabel("\u0000\u001b[…"))
  })
})
