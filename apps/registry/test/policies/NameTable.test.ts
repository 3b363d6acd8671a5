import { assert, it } from "vitest"
import { NameTable } from "../../src/policies/NameTable.ts"

it("keeps the last number of each name, however many there are", () => {
  const table = new NameTable()
  const map = new Map<string, number>()
  for (let n = 0; n < 50_000; n++) {
    const name = `box-${(n * 7_919) % 30_011}`
    const value = n % 3 === 0 ? -1 : n * 2 ** 20
    table.set(name, value)
    map.set(name, value)
  }
  for (const [name, value] of map) assert.strictEqual(table.get(name), value)
  for (let n = 0; n < 1_000; n++) assert.isUndefined(table.get(`other-${n}`))
})
