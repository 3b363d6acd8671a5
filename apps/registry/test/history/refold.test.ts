import { Mac } from "@leasehold/events"
import { Schema } from "effect"
import { assert, describe, it } from "vitest"
import type { Sighting } from "../../src/apply/foldEvents.ts"
import { timeOf } from "../../src/apply/stamp.ts"
import { refold, type Stretch } from "../../src/history/refold.ts"
import { random, shuffled } from "../randomEvents.ts"

const decodeMac = Schema.decodeSync(Mac)
const [one, other, third] = [
  decodeMac("00:16:3e:00:00:01"),
  decodeMac("00:16:3e:00:00:02"),
  decodeMac("00:16:3e:00:00:03")
]
const at = (second: number) => `2026-11-22T04:00:${String(second).padStart(2, "0")}.000000Z`
const sighting = (mac: Mac, second: number, held = true, id = "a"): Sighting => ({
  mac,
  held,
  stamp: `${at(second)} ${id}`
})
const whole = (sightings: ReadonlyArray<Sighting>) => refold([], at(0), sightings).added

describe("history of an address", () => {
  it("lasts from the first sighting to the first of another", () => {
    assert.deepStrictEqual(whole([sighting(one, 1), sighting(one, 2), sighting(other, 3)]), [
      { mac: one, since: at(1), until: at(3) },
      { mac: other, since: at(3), until: null }
    ])
  })

  it("ends with the holder's release, not with another's", () => {
    assert.deepStrictEqual(whole([sighting(one, 1), sighting(other, 2, false), sighting(one, 3, false)]), [
      { mac: one, since: at(1), until: at(3) }
    ])
  })

  it("has no gap where the holder released and came back in the same microsecond", () => {
    assert.deepStrictEqual(
      whole([sighting(one, 1), sighting(one, 2, false, "a"), sighting(one, 2, true, "b")]),
      [{ mac: one, since: at(1), until: null }]
    )
  })

  it("needs no change for a renewal", () => {
    const known: ReadonlyArray<Stretch> = [{ mac: one, since: at(1), until: null }]
    const { added, holder, lastHeld, removed } = refold(known, at(5), [sighting(one, 5)])
    assert.deepStrictEqual({ added, removed, holder, lastHeld }, {
      added: [],
      removed: [],
      holder: one,
      lastHeld: `${at(5)} a`
    })
  })

  it("is the same however sightings arrive", () => {
    for (let seed = 0; seed < 300; seed++) {
      const next = random(seed)
      const sightings = Array.from({ length: 14 }, (_, index): Sighting => {
        const mac = next() < 0.4 ? one : next() < 0.6 ? other : third
        return sighting(mac, Math.floor(next() * 10), next() < 0.65, `id${String(index).padStart(2, "0")}`)
      })
      let known: ReadonlyArray<Stretch> = []
      const applied: Array<Sighting> = []
      const left = [...shuffled(sightings, next)]
      while (left.length > 0) {
        const batch = left.splice(0, 1 + Math.floor(next() * 4))
        const from = batch.map(({ stamp }) => timeOf(stamp)).toSorted()[0] ?? at(0)
        applied.push(...batch)
        const touched = known.filter(({ until }) => until === null || until >= from)
        const { added, removed } = refold(touched, from, applied.filter(({ stamp }) => timeOf(stamp) >= from))
        known = [...known.filter((stretch) => !removed.includes(stretch)), ...added]
      }
      const sorted = (stretches: ReadonlyArray<Stretch>) =>
        stretches.map(({ mac, since, until }) => `${since} ${until} ${mac}`).toSorted()
      assert.deepStrictEqual(sorted(known), sorted(whole(sightings)), `seed ${seed}`)
    }
  })
})
