import { Mac } from "@leasehold/events"
import { Schema } from "effect"
import { assert, describe, it } from "vitest"
import { type Assigned, assignNames, type NameRequest, type NamesTaken } from "../../src/names/assignNames.ts"
import { fromClient, fromReservation, generated, type Wanted } from "../../src/names/candidates.ts"
import { isHostName } from "../../src/names/forbidden.ts"
import { random, shuffled } from "../randomEvents.ts"

const decodeMac = Schema.decodeSync(Mac)
const macOf = (number: number, vendor = "00:16:3e") =>
  decodeMac(`${vendor}:${number.toString(16).padStart(6, "0").replace(/(..)(?=.)/gu, "$1:")}`)
const nobody: NamesTaken = { holders: new Map(), reserved: new Map() }

const newcomer = (mac: Mac, wanted: Wanted, since = "1"): NameRequest => ({
  mac,
  current: undefined,
  wanted,
  since
})
const only = (assigned: ReadonlyArray<Assigned>): Assigned => {
  const [first] = assigned
  if (first === undefined || assigned.length !== 1) throw new Error(`${assigned.length} names instead of one`)
  return first
}

/** In batches, as events come: who has a name keeps it. */
const inTurn = (wanted: ReadonlyArray<readonly [Mac, Wanted]>): ReadonlyMap<Mac, string> => {
  const holders = new Map<string, Mac>()
  const names = new Map<Mac, string>()
  for (let from = 0; from < wanted.length; from += 200) {
    const batch = wanted.slice(from, from + 200).map(([mac, one], index) =>
      newcomer(mac, one, String(from + index).padStart(6, "0"))
    )
    for (const { mac, name } of assignNames(batch, { holders, reserved: new Map() })) {
      assert.isFalse(holders.has(name), name)
      holders.set(name, mac)
      names.set(mac, name)
    }
  }
  return names
}

describe("names of systems", () => {
  it("are unique and valid, and in any order of arrival only who has the bare name differs", () => {
    const names = ["nas", "printer", "iphone", "x".repeat(63), "tv"]
    const systems = Array.from({ length: 10_000 }, (_, number): readonly [Mac, Wanted] => {
      const mac = macOf(number)
      return [mac, fromClient(mac, names[number % names.length] ?? "nas")]
    })
    const first = inTurn(systems)
    const second = inTurn(shuffled(systems, random(3)))
    for (const found of [first, second]) {
      assert.strictEqual(new Set(found.values()).size, systems.length)
      assert.deepStrictEqual([...found.values()].filter((name) => !isHostName(name)), [])
      assert.sameMembers([...found.values()].filter((name) => names.includes(name)), names)
    }
    const different = systems.filter(([mac]) => first.get(mac) !== second.get(mac)).map(([mac]) => mac)
    const bare = (found: ReadonlyMap<Mac, string>) => different.filter((mac) => names.includes(found.get(mac) ?? ""))
    assert.sameMembers(different, [...new Set([...bare(first), ...bare(second)])])
    assert.isAbove(different.length, 0)
  })

  it("are told apart by all twelve digits where the last six are the same", () => {
    const vendors = ["00:16:3e", "00:16:3f", "00:1b:21"]
    const found = inTurn(vendors.map((vendor) => {
      const mac = macOf(0xabcdef, vendor)
      return [mac, generated(mac)]
    }))
    assert.deepStrictEqual([...found.values()], ["host-abcdef", "host-00163fabcdef", "host-001b21abcdef"])
  })

  it("go to whoever was first, in one batch too", () => {
    const [early, late] = [macOf(1), macOf(2)]
    const assigned = assignNames(
      [newcomer(late, fromClient(late, "nas"), "2"), newcomer(early, fromClient(early, "nas"), "1")],
      nobody
    )
    assert.deepStrictEqual(assigned.map(({ conflict, mac, name }) => ({ mac, name, conflict })), [
      { mac: early, name: "nas", conflict: undefined },
      { mac: late, name: "nas-000002", conflict: { wanted: "nas", holder: early } }
    ])
  })

  it("stay when a better one comes free", () => {
    const mac = macOf(2)
    const request = {
      ...newcomer(mac, fromClient(mac, "nas")),
      current: { name: "nas-000002", source: "client" as const }
    }
    const { conflict, name } = only(
      assignNames([request], { holders: new Map([["nas-000002", mac]]), reserved: new Map() })
    )
    assert.strictEqual(name, "nas-000002")
    assert.isUndefined(conflict)
  })

  it("change once from a generated one to the client's", () => {
    const mac = macOf(2)
    const request = {
      ...newcomer(mac, fromClient(mac, "nas")),
      current: { name: "host-000002", source: "generated" as const }
    }
    assert.strictEqual(
      only(assignNames([request], { holders: new Map([["host-000002", mac]]), reserved: new Map() })).name,
      "nas"
    )
  })

  it("give way to an administrator's reservation", () => {
    const [client, chosen] = [macOf(1), macOf(2)]
    const assigned = assignNames([
      {
        ...newcomer(client, fromClient(client, "nas")),
        current: { name: "nas", source: "client" }
      },
      { ...newcomer(chosen, fromReservation(chosen, "nas")), current: { name: "host-000002", source: "generated" } }
    ], {
      holders: new Map([["nas", client], ["host-000002", chosen]]),
      reserved: new Map([["nas", [chosen]]])
    })
    assert.deepStrictEqual(assigned.map(({ conflict, mac, name, source }) => ({ mac, name, source, conflict })), [
      { mac: chosen, name: "nas", source: "reservation", conflict: undefined },
      { mac: client, name: "nas-000001", source: "client", conflict: undefined }
    ])
  })

  it("are not a client's when they are reserved for a system that was never seen", () => {
    const [mac, other] = [macOf(1), macOf(2)]
    const assigned = only(assignNames([newcomer(mac, fromClient(mac, "nas"))], {
      holders: new Map(),
      reserved: new Map([["nas", [other]]])
    }))
    assert.strictEqual(assigned.name, "nas-000001")
    assert.deepStrictEqual(assigned.conflict, { wanted: "nas", holder: other })
  })

  it("are suffixed for the second of two reservations that have one in two domains", () => {
    const [one, other] = [macOf(1), macOf(2)]
    const assigned = only(assignNames([newcomer(other, fromReservation(other, "nas"))], {
      holders: new Map([["nas", one]]),
      reserved: new Map([["nas", [one, other]]])
    }))
    assert.strictEqual(assigned.name, "nas-000002")
  })

  it("are found even when an administrator took every form of one", () => {
    const [mac, other] = [macOf(1), macOf(2)]
    const wanted = fromClient(mac, "nas")
    const taken = [...wanted.candidates, "host-00163e000001-2"]
    const { name } = only(assignNames([newcomer(mac, wanted)], {
      holders: new Map(),
      reserved: new Map(taken.map((one) => [one, [other]]))
    }))
    assert.strictEqual(name, "host-00163e000001-3")
  })
})
