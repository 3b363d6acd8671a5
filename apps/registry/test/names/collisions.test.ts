/** Properties of names that collide, over random systems, policies, orders and batches. */
import { Mac, type NameSource } from "@leasehold/events"
import { Result, Schema } from "effect"
import { assert, describe, it } from "vitest"
import { assignNames, type NameRequest } from "../../src/names/assignNames.ts"
import { fromReservation, type Wanted } from "../../src/names/candidates.ts"
import { isHostName, isServiceName } from "../../src/names/forbidden.ts"
import { type NameConflict, Naming, type NamingPolicy } from "../../src/names/Naming.ts"
import { parsePattern } from "../../src/names/Pattern.ts"
import { random, shuffled } from "../randomEvents.ts"

const decodeMac = Schema.decodeSync(Mac)
/** Three vendors share all their last digits. */
const macOf = (number: number): Mac => {
  const vendor = ["00:16:3e", "00:1b:21", "b8:27:eb"][number % 3] ?? ""
  const last = Math.floor(number / 3).toString(16).padStart(6, "0").replace(/(..)(?=.)/gu, "$1:")
  return decodeMac(`${vendor}:${last}`)
}

const policy = (id: string, subnetId: string | null, pattern: string, conflict: NameConflict): NamingPolicy => ({
  id,
  subnetId,
  pattern: Result.getOrThrow(parsePattern(pattern)),
  conflict,
  clientNames: true,
  forbidden: new Set(["taboo"])
})
const naming = Naming.of(
  policy("1", null, "host-{mac:6}", "first-wins"),
  [
    policy("2", "2", `${"long-".repeat(14)}{mac:2}`, "reject"),
    policy("3", "3", "kiosk", "first-wins"),
    policy("4", "4", "{subnet}-{ip}", "last-wins")
  ],
  ["2", "3", "4"].map((id) => ({ id, cidr: `10.${id}.0.0/16`, name: `Hall ${id}` }))
)

const texts = [
  "nas",
  "NAS",
  "Nas.example.com",
  "näs",
  "taboo",
  "wpad",
  "x".repeat(63),
  "x".repeat(70),
  "nas-000001",
  "host-000001",
  "kiosk",
  "nas-00163e000001",
  `${"a".repeat(56)}-000001`,
  "",
  "\u001b[31m",
  "-"
]

interface Subject {
  readonly mac: Mac
  readonly wanted: Wanted
  readonly since: string
}
const subjects = (seed: number, count: number): ReadonlyArray<Subject> => {
  const next = random(seed)
  return Array.from({ length: count }, (_, number) => {
    const mac = macOf(number)
    const firstName = next() < 0.2 ? null : texts[Math.floor(next() * texts.length)] ?? null
    const subnet = Math.floor(next() * 5)
    const firstAddress = subnet === 0 ? null : `10.${subnet}.0.${1 + Math.floor(next() * 20)}`
    return {
      mac,
      wanted: naming.wanted({ mac, firstName, firstAddress, vendor: null }, undefined),
      since: String(number).padStart(6, "0")
    }
  })
}

type Held = ReadonlyMap<Mac, { readonly name: string; readonly source: NameSource }>

/** As the registry does: who has a name that somebody may take is asked too. */
const inTurn = (all: ReadonlyArray<Subject>, size: () => number): Held => {
  const bySelf = new Map(all.map((one) => [one.mac, one]))
  const holders = new Map<string, Mac>()
  const held = new Map<Mac, { readonly name: string; readonly source: NameSource }>()
  const request = ({ mac, since, wanted }: Subject): NameRequest => ({ mac, since, wanted, current: held.get(mac) })
  for (let from = 0; from < all.length;) {
    const batch = all.slice(from, from + Math.max(1, size()))
    from += batch.length
    const asking = new Set(batch.map(({ mac }) => mac))
    const contested = new Set(batch.flatMap(({ wanted }) => wanted.lastWins === true ? [wanted.name] : []))
    const holding = [...contested].flatMap((name) => {
      const holder = holders.get(name)
      const one = holder === undefined || asking.has(holder) ? undefined : bySelf.get(holder)
      return one === undefined || held.get(one.mac)?.source !== "client" ? [] : [one]
    })
    const assigned = assignNames([...batch, ...holding].map(request), { holders, reserved: new Map() })
    for (const { mac } of assigned) {
      const before = held.get(mac)
      if (before !== undefined && holders.get(before.name) === mac) holders.delete(before.name)
    }
    for (const { mac, name, source } of assigned) {
      assert.isFalse(holders.has(name), `${name} is given twice`)
      holders.set(name, mac)
      held.set(mac, { name, source })
    }
  }
  return held
}

describe("names that collide", () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    it(`are unique and valid, and differ between orders only in who has a shared form (seed ${seed})`, () => {
      const next = random(seed + 50)
      const all = subjects(seed, 900)
      const outcomes = [all, shuffled(all, next), all.toReversed(), shuffled(all, next)].map((order) =>
        inTurn(order, () => Math.floor(next() * 60))
      )
      const [first] = outcomes
      for (const outcome of outcomes) {
        const names = Array.from(outcome.values(), ({ name }) => name)
        assert.strictEqual(new Set(names).size, all.length)
        assert.deepStrictEqual(names.filter((name) => !isHostName(name) || isServiceName(name) || name === "taboo"), [])
        for (const { mac, wanted } of all) {
          const [now, then] = [outcome.get(mac), first?.get(mac)]
          if (now?.name === then?.name) continue
          // Where two orders differ, both names are of those that the system's own wish and MAC allow.
          const allowed = [...wanted.candidates, ...wanted.fallback?.candidates ?? []]
          assert.include(allowed, now?.name)
          assert.include(allowed, then?.name)
        }
      }
    })

    it(`go to who was last where that is the policy, in every order (seed ${seed})`, () => {
      const next = random(seed + 70)
      const all = subjects(seed, 2_000).filter(({ wanted }) => wanted.lastWins === true)
      assert.isAbove(all.length, 100)
      for (const order of [all, shuffled(all, next), all.toReversed()]) {
        const outcome = inTurn(order, () => Math.floor(next() * 10))
        const last = new Map(all.map((one) => [one.wanted.name, one.mac]))
        for (const [name, mac] of last) assert.strictEqual(outcome.get(mac)?.name, name)
      }
    })
  }

  it("have all twelve digits where the last six are the same, and no two the same form", () => {
    const macs = [0, 1, 2].map(macOf)
    const all = macs.map((mac, index): Subject => ({
      mac,
      wanted: naming.wanted({ mac, firstName: "nas", firstAddress: "10.9.0.1", vendor: null }, undefined),
      since: String(index)
    }))
    const holder = {
      ...all[0],
      mac: macOf(9),
      since: "/",
      wanted: naming.wanted({ mac: macOf(9), firstName: "nas", firstAddress: null, vendor: null }, undefined)
    }
    const names = Array.from(inTurn([holder, ...all], () => 1).values(), ({ name }) => name)
    assert.deepStrictEqual(names, ["nas", "nas-000000", "nas-001b21000000", "nas-b827eb000000"])
  })

  it("of reservations may change hands in a circle, in one go", () => {
    const macs = [1, 2, 3, 4].map(macOf)
    const names = ["one", "two", "three", "four"]
    for (let shift = 1; shift < 4; shift++) {
      const wishes = macs.map((_, index) => names[(index + shift) % names.length] ?? "")
      const requests = macs.map((mac, index): NameRequest => ({
        mac,
        current: { name: names[index] ?? "", source: "reservation" },
        wanted: fromReservation(mac, wishes[index] ?? ""),
        since: "1"
      }))
      for (const order of [requests, requests.toReversed(), shuffled(requests, random(shift))]) {
        const assigned = assignNames(order, {
          holders: new Map(macs.map((mac, index) => [names[index] ?? "", mac])),
          reserved: new Map(macs.map((mac, index) => [wishes[index] ?? "", [mac]]))
        })
        const given = new Map(assigned.map(({ mac, name }) => [mac, name]))
        assert.deepStrictEqual(macs.map((mac) => given.get(mac)), wishes)
      }
    }
  })
})
