import { Mac } from "@leasehold/events"
import { Schema } from "effect"
import { assert, describe, it } from "vitest"
import { type Claim, Claims, type Reservation, type Subnet } from "../../src/reserve/Claims.ts"
import { random, shuffled } from "../randomEvents.ts"

const decodeMac = Schema.decodeSync(Mac)
const macOf = (number: number) => decodeMac(`00:16:3e:00:00:0${number}`)
const subnet = (room = 100, automatic = 0): Subnet => ({
  id: "1",
  gateway: "10.0.0.1",
  network: "10.0.0.0",
  broadcast: "10.0.0.255",
  room,
  automatic
})
const claim = (mac: number, address: number, at: number): Claim => ({
  subnetId: "1",
  mac: macOf(mac),
  address: `10.0.0.${address}`,
  at: `2026-11-22T04:00:${String(at).padStart(2, "0")}.000000Z`
})
const show = (claims: Iterable<Claim>) =>
  Array.from(claims, ({ address, at, mac }) => `${mac} ${address} ${at}`).toSorted()

/** A table of reservations, and every claim that was ever made: what the database would answer. */
class World {
  readonly claims: Array<Claim> = []
  readonly reservations: Array<Reservation> = []

  apply(batch: ReadonlyArray<Claim>, room = 100): void {
    this.claims.push(...batch)
    const settling = new Claims([subnet(room, this.reservations.filter(({ fixed }) => !fixed).length)], batch)
    for (let unknown = settling.settle(); unknown !== undefined; unknown = settling.settle()) {
      const { ofMacs, onAddresses, reservations } = unknown
      settling.know(
        reservations,
        this.reservations.filter((one) =>
          reservations.some(({ address, mac }) => one.mac === mac || one.address === address)
        )
      )
      settling.add(this.claims.filter((one) => ofMacs.some(({ at, mac }) => one.mac === mac && one.at > at)))
      settling.add(
        this.claims.filter((one) => onAddresses.some(({ address, at }) => one.address === address && one.at > at))
      )
    }
    const { added, earlier, removed } = settling.settlement
    const isOf = (claims: ReadonlyArray<Claim>) => ({ mac }: Claim) => claims.some((one) => one.mac === mac)
    const kept = this.reservations.filter((one) => !isOf(removed)(one) && !isOf(earlier)(one))
    this.reservations.splice(0, Infinity, ...kept, ...[...added, ...earlier].map((one) => ({ ...one, fixed: false })))
  }
}

/** First come, first served, in the order of time. */
const greedy = (claims: ReadonlyArray<Claim>): ReadonlyArray<Claim> => {
  const won: Array<Claim> = []
  for (const one of claims.toSorted((a, b) => `${a.at}${a.mac}${a.address}` < `${b.at}${b.mac}${b.address}` ? -1 : 1)) {
    if (!won.some(({ address, mac }) => mac === one.mac || address === one.address)) won.push(one)
  }
  return won
}

describe("automatic reservations", () => {
  it("are as if claims had come in their order, however they came", () => {
    for (let seed = 0; seed < 400; seed++) {
      const next = random(seed)
      const claims = Array.from(
        { length: 12 },
        (_, index) => claim(1 + Math.floor(next() * 5), 10 + Math.floor(next() * 4), index)
      )
      const world = new World()
      const left = [...shuffled(claims, next), ...claims.slice(0, 4)]
      while (left.length > 0) world.apply(left.splice(0, 1 + Math.floor(next() * 4)))
      assert.deepStrictEqual(show(world.reservations), show(greedy(claims)), `seed ${seed}`)
    }
  })

  it("leave an administrator's alone, and its address", () => {
    const world = new World()
    world.reservations.push({ ...claim(1, 10, 0), fixed: true, at: "" })
    world.apply([claim(2, 10, 1), claim(1, 11, 2)])
    assert.deepStrictEqual(show(world.reservations), show([{ ...claim(1, 10, 0), at: "" }]))
  })

  it("are not made for the gateway, the network or the broadcast address", () => {
    const world = new World()
    world.apply([claim(1, 1, 1), claim(2, 0, 1), claim(3, 255, 1)])
    assert.deepStrictEqual(world.reservations, [])
  })

  it("stop where their share ends", () => {
    const world = new World()
    world.apply([claim(1, 10, 1), claim(2, 11, 2), claim(3, 12, 3)], 2)
    assert.deepStrictEqual(show(world.reservations), show([claim(1, 10, 1), claim(2, 11, 2)]))
    world.apply([claim(4, 13, 4)], 2)
    assert.lengthOf(world.reservations, 2)
  })

  it("do not follow a system that moves", () => {
    const world = new World()
    world.apply([claim(1, 10, 1)])
    world.apply([claim(1, 11, 2)])
    assert.deepStrictEqual(show(world.reservations), show([claim(1, 10, 1)]))
  })
})
