import { assert, describe, it } from "@effect/vitest"
import { type Row, selectRows } from "../../src/rendering/selectRows.ts"

const row = (id: string, fields: Partial<Row> = {}): Row => ({
  id,
  mac: `aa:bb:cc:00:00:${id.padStart(2, "0")}`,
  address: `10.0.0.${id}`,
  name: `host-${id}`,
  seconds: null,
  ...fields
})

describe("the rows of a subnet", () => {
  it("become lines as libs/dnsmasq formats them", () => {
    const { leftOut, lines } = selectRows("10.0.0.0/24", [row("1"), row("2", { seconds: "43200" })], "conf")
    assert.deepStrictEqual(lines, [
      "dhcp-host=AA:BB:CC:00:00:01,10.0.0.1,host-1\n",
      "dhcp-host=AA:BB:CC:00:00:02,10.0.0.2,host-2,12h\n"
    ])
    assert.deepStrictEqual(leftOut, [])
  })

  it("hold for ever when they hold longer than dnsmasq can count", () => {
    const { lines } = selectRows("10.0.0.0/24", [row("1", { seconds: "2147483648" })], "hosts")
    assert.deepStrictEqual(lines, ["AA:BB:CC:00:00:01,10.0.0.1,host-1,infinite\n"])
  })

  const broken: ReadonlyArray<readonly [string, Partial<Row>, RegExp]> = [
    ["a keyword as a name", { name: "ignore" }, /hostname: expected .* no keyword/u],
    ["a second line in its name", { name: "x\nAA:BB:CC:00:00:66,10.0.0.66,evil" }, /hostname/u],
    ["an address outside", { address: "10.0.1.5" }, /no host address of its subnet/u],
    ["the broadcast address", { address: "10.0.0.255" }, /no host address of its subnet/u],
    ["an IPv6 address", { address: "fd00::1" }, /ip: expected an IPv4 address/u],
    ["the address of another", { address: "10.0.0.1" }, /address has another reservation/u],
    ["the MAC of another", { mac: "aa:bb:cc:00:00:01" }, /MAC has another reservation/u],
    ["a lease of a minute", { seconds: "60" }, /lease time/u]
  ]
  for (const [what, fields, rule] of broken) {
    it(`leave out one with ${what}, say why, and keep the others`, () => {
      const { leftOut, lines } = selectRows("10.0.0.0/24", [row("1"), row("2", fields), row("3")], "hosts")
      assert.deepStrictEqual(lines, ["AA:BB:CC:00:00:01,10.0.0.1,host-1\n", "AA:BB:CC:00:00:03,10.0.0.3,host-3\n"])
      assert.strictEqual(leftOut.length, 1)
      assert.strictEqual(leftOut[0]?.id, "2")
      assert.match(leftOut[0]?.rule ?? "", rule)
    })
  }
})
