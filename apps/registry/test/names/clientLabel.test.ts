import { Mac } from "@leasehold/events"
import { Schema } from "effect"
import { assert, describe, it } from "vitest"
import { clientLabel, toLabel } from "../../src/names/clientLabel.ts"
import { isHostName } from "../../src/names/forbidden.ts"
import { random } from "../randomEvents.ts"

const mac = Schema.decodeSync(Mac)("00:16:3e:12:34:56")

describe("the name of a client as a host name", () => {
  for (
    const [text, label] of [
      ["nas", "nas"],
      ["NAS.example.com", "nas"],
      ["Müller-PC", "muller-pc"],
      ["bobs_iPhone", "bobs-iphone"],
      ["a__b", "a-b"],
      ["-edge-", "edge"],
      ["x".repeat(80), "x".repeat(63)],
      [`${"x".repeat(62)}-y`, "x".repeat(62)],
      ["ﬁle", "file"],
      ["esp-123456", "esp-123456"],
      ["nas-00163e123456", "nas-00163e123456"]
    ] as const
  ) {
    it(`makes ${JSON.stringify(label)} of ${JSON.stringify(text)}`, () => {
      assert.strictEqual(clientLabel(mac, text), label)
    })
  }

  for (
    const text of [
      "",
      "...",
      "日本",
      "_",
      "-",
      "wpad",
      "WPAD.example.com",
      "isatap",
      "localhost",
      "ignore",
      "infinite",
      "12h",
      "45m",
      "2w",
      "7",
      "10.1.2.3",
      "10-1-2-3",
      "0x7f",
      "00-16-3e-12-34-56",
      "00163e123456",
      "fd00-1-2-3-4-5-6-7",
      "xn--bcher-kva",
      "gateway",
      "ns",
      "ns1",
      "router",
      // The ending of another MAC is another's name.
      "nas-00163e123457"
    ]
  ) {
    it(`makes none of ${JSON.stringify(text)}`, () => {
      assert.isUndefined(clientLabel(mac, text))
    })
  }

  it("is none or a valid label, whatever the text", () => {
    const next = random(11)
    const alphabet = [..."abcXYZ019-_. .äßİK１ﬀ\u0301\u0000\u202e日😀:,#\"'"]
    for (let round = 0; round < 20_000; round++) {
      const text = Array.from({ length: Math.floor(next() * 90) }, () => alphabet[Math.floor(next() * alphabet.length)])
        .join("")
      const label = clientLabel(mac, text)
      assert.isTrue(label === undefined || isHostName(label), JSON.stringify(text))
      if (label !== undefined) assert.strictEqual(toLabel(label), label)
    }
  })
})
