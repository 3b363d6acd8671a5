import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { confIn, hostsIn } from "./configured.ts"
import { dnsmasqTakes, linesOf, reservationsOf } from "./rendered.ts"
import { type TestDatabase, testDatabase } from "./testDatabase.ts"

const mac = (number: number) => `02:00:00:00:00:${number.toString(16).padStart(2, "0")}`

/** More MACs of the reservation with that name. */
const also = ({ query }: TestDatabase, name: string, ...macs: ReadonlyArray<string>) =>
  query(
    "INSERT INTO reservations (mac, also_of) SELECT unnest($2::macaddr[]), id FROM reservations WHERE name = $1 AND also_of IS NULL",
    [name, macs]
  )
const nameOnly = ({ query }: TestDatabase, mac: string, name: string, subnet = "lab") =>
  query("INSERT INTO reservations (subnet_id, mac, name) SELECT id, $1, $2 FROM subnets WHERE subnets.name = $3", [
    mac,
    name,
    subnet
  ])
const ignore = ({ query }: TestDatabase, mac: string, subnet = "lab") =>
  query("INSERT INTO reservations (subnet_id, mac, ignore) SELECT id, $1, true FROM subnets WHERE name = $2", [
    mac,
    subnet
  ])
const system = ({ query }: TestDatabase, mac: string, state: string) =>
  query(
    `INSERT INTO systems (mac, name, name_source, state, first_seen, last_seen, server, server_stamp)
     VALUES ($1::text::macaddr, 'host-' || right($1::text, 2), 'generated', $2, now(), now(), 'lab', '')
     ON CONFLICT (mac) DO UPDATE SET state = excluded.state`,
    [mac, state]
  )
const another = ({ query }: TestDatabase, cidr = "10.100.0.0/16") =>
  query(
    `WITH made AS (INSERT INTO subnets (cidr, name) VALUES ($1, 'another') RETURNING id)
     INSERT INTO subnet_servers SELECT id, 'lab' FROM made`,
    [cidr]
  )

const filled = Effect.fnUntraced(function*(database: TestDatabase) {
  yield* database.reserve(mac(1), "10.99.0.1", "nas")
  yield* database.reserve(mac(2), "10.99.0.2", "laptop")
  yield* database.reserve(mac(3), "10.99.0.3", "printer")
  yield* also(database, "laptop", mac(0x29), mac(0x1f), mac(0x20))
  yield* database.query("UPDATE reservations SET lease_time = '1 hour' WHERE name = 'laptop' AND also_of IS NULL")
  yield* nameOnly(database, mac(0x40), "phone")
  yield* ignore(database, mac(0x41))
  yield* system(database, mac(3), "ignored")
  yield* system(database, mac(0x51), "blocked")
  yield* system(database, mac(0x50), "blocked")
})

const lines = Effect.fnUntraced(function*(database: TestDatabase, env = hostsIn("/x/hosts")) {
  const { content, leftOut, reservations } = yield* (yield* reservationsOf(database, env)).render
  const found = linesOf(content).slice(0, -1)
  assert.strictEqual(reservations, found.length)
  assert.deepStrictEqual(leftOut, [])
  dnsmasqTakes(content)
  return found
})

describe("what a reservation can be", () => {
  for (
    const [form, env, prefix] of [["conf", confIn("/x/01.conf"), "dhcp-host="], ["hosts", hostsIn("/x/h"), ""]] as const
  ) {
    it.live(`is written in mode ${form} as dnsmasq takes it, in one order`, () =>
      Effect.gen(function*() {
        const database = yield* testDatabase
        yield* filled(database)
        assert.deepStrictEqual(
          yield* lines(database, env),
          [
            "02:00:00:00:00:50,ignore",
            "02:00:00:00:00:51,ignore",
            "02:00:00:00:00:40,phone",
            "02:00:00:00:00:41,ignore",
            "02:00:00:00:00:01,10.99.0.1,nas",
            "02:00:00:00:00:03,10.99.0.3,printer",
            "02:00:00:00:00:02,02:00:00:00:00:1F,02:00:00:00:00:20,02:00:00:00:00:29,10.99.0.2,laptop,1h"
          ].map((line) => `${prefix}${line}`)
        )
      }))
  }

  it.live("is not written while it is disabled", () =>
    Effect.gen(function*() {
      const database = yield* testDatabase
      yield* filled(database)
      yield* database.query("UPDATE reservations SET enabled = false WHERE also_of IS NULL")
      assert.deepStrictEqual(yield* lines(database), ["02:00:00:00:00:50,ignore", "02:00:00:00:00:51,ignore"])
    }))

  it.live("is all that there is when no reservation is plain", () =>
    Effect.gen(function*() {
      const database = yield* testDatabase
      yield* database.reserve(mac(2), "10.99.0.2", "laptop")
      yield* also(database, "laptop", mac(3))
      assert.deepStrictEqual(yield* lines(database), ["02:00:00:00:00:02,02:00:00:00:00:03,10.99.0.2,laptop"])
    }))

  it.live("has its subnet's lease time, and an ignored MAC has none", () =>
    Effect.gen(function*() {
      const database = yield* testDatabase
      yield* nameOnly(database, mac(1), "phone")
      yield* ignore(database, mac(2))
      yield* database.query("UPDATE subnets SET lease_time = '1 day'")
      assert.deepStrictEqual(yield* lines(database), ["02:00:00:00:00:01,phone,1d", "02:00:00:00:00:02,ignore"])
    }))

  it.live("holds in one subnet, where another of the same MAC says otherwise for another", () =>
    Effect.gen(function*() {
      const database = yield* testDatabase
      yield* another(database)
      yield* database.reserve(mac(1), "10.99.0.1", "nas")
      yield* ignore(database, mac(1), "another")
      yield* database.reserve(mac(2), "10.100.0.2", "phone")
      yield* nameOnly(database, mac(2), "phone")
      // dnsmasq takes the last line of a MAC that fits: in its subnet that with the address, elsewhere the first.
      assert.deepStrictEqual(yield* lines(database), [
        "02:00:00:00:00:02,phone",
        "02:00:00:00:00:01,ignore",
        "02:00:00:00:00:01,10.99.0.1,nas",
        "02:00:00:00:00:02,10.100.0.2,phone"
      ])
    }))
})

describe("a system that is blocked", () => {
  it.live("has one line of its own, and no other has its MAC", () =>
    Effect.gen(function*() {
      const database = yield* testDatabase
      yield* filled(database)
      yield* another(database)
      yield* database.reserve(mac(1), "10.100.0.1", "nas")
      for (const number of [1, 2, 0x20, 0x40, 0x41]) yield* system(database, mac(number), "blocked")
      assert.deepStrictEqual(yield* lines(database), [
        ...[0x01, 0x02, 0x20, 0x40, 0x41, 0x50, 0x51].map((number) => `${mac(number)},ignore`),
        "02:00:00:00:00:03,10.99.0.3,printer",
        "02:00:00:00:00:1F,02:00:00:00:00:29,10.99.0.2,laptop,1h"
      ])
      for (const number of [0x1f, 0x29]) yield* system(database, mac(number), "blocked")
      assert.isFalse((yield* lines(database)).some((line) => line.includes("laptop")))
      yield* database.query("UPDATE systems SET state = 'known'")
      assert.isTrue((yield* lines(database)).includes("02:00:00:00:00:01,10.100.0.1,nas"))
    }))

  it.live("is in the file of a server that has no subnet", () =>
    Effect.gen(function*() {
      const database = yield* testDatabase
      yield* database.query("DELETE FROM subnet_servers")
      yield* system(database, mac(1), "blocked")
      assert.deepStrictEqual(yield* lines(database), ["02:00:00:00:00:01,ignore"])
    }))
})

describe("a generation", () => {
  it.live("is wanted by whatever shows, and by nothing else", () =>
    Effect.gen(function*() {
      const database = yield* testDatabase
      yield* database.query("INSERT INTO dhcp_servers (server) VALUES ('other')")
      const wanted = Effect.map(
        database.query<{ wanted_generation: string }>("SELECT wanted_generation FROM dhcp_servers ORDER BY server"),
        (rows) => rows.map((row) => Number(row.wanted_generation))
      )
      const { render } = yield* reservationsOf(database)
      const bumps = Effect.fnUntraced(function*<A, E>(change: Effect.Effect<A, E>) {
        const [lab = 0, other = 0] = yield* wanted
        const before = (yield* render).content
        yield* change
        const [labAfter = 0, otherAfter = 0] = yield* wanted
        const after = (yield* render).content
        assert.strictEqual(labAfter > lab, !after.equals(before), after.toString())
        return [labAfter > lab, otherAfter > other]
      })
      const reservation = (set: string) => database.query(`UPDATE reservations SET ${set}`)
      const both = [true, true]
      const lab = [true, false]
      const none = [false, false]
      yield* database.reserve(mac(1), "10.99.0.1", "nas")
      assert.deepStrictEqual(yield* bumps(also(database, "nas", mac(2))), lab)
      assert.deepStrictEqual(yield* bumps(reservation(`mac = '${mac(3)}' WHERE mac = '${mac(2)}'`)), lab)
      assert.deepStrictEqual(yield* bumps(reservation("name = 'box' WHERE also_of IS NULL")), lab)
      assert.deepStrictEqual(yield* bumps(reservation("comment = 'in the attic' WHERE also_of IS NULL")), none)
      assert.deepStrictEqual(yield* bumps(reservation("address = NULL WHERE also_of IS NULL")), lab)
      assert.deepStrictEqual(yield* bumps(database.query("DELETE FROM reservations WHERE also_of IS NOT NULL")), lab)
      assert.deepStrictEqual(yield* bumps(reservation("ignore = true, name = NULL")), lab)
      assert.deepStrictEqual(yield* bumps(reservation("enabled = false")), lab)
      assert.deepStrictEqual(yield* bumps(reservation("ignore = false, name = 'nas'")), none)
      assert.deepStrictEqual(yield* bumps(system(database, mac(9), "known")), none)
      assert.deepStrictEqual(yield* bumps(system(database, mac(9), "ignored")), none)
      assert.deepStrictEqual(yield* bumps(system(database, mac(9), "blocked")), both)
      assert.deepStrictEqual(yield* bumps(database.query("UPDATE systems SET last_seen = now(), state = state")), none)
      assert.deepStrictEqual(yield* bumps(system(database, mac(9), "known")), both)
      assert.deepStrictEqual(yield* bumps(system(database, mac(8), "blocked")), both)
      assert.deepStrictEqual(yield* bumps(database.query("DELETE FROM systems")), both)
    }))
})

describe("a reservation that is more than the database should have taken", () => {
  it.live("is left out and reported, and the others are written", () =>
    Effect.gen(function*() {
      const database = yield* testDatabase
      yield* another(database, "10.9.0.0/24")
      yield* database.query(`
        ALTER TABLE reservations DROP CONSTRAINT reservations_subnet_mac_key, DROP CONSTRAINT reservations_name_check;
        DROP INDEX reservations_address_key;`)
      yield* database.reserve(mac(1), "10.99.0.1", "nas")
      yield* database.reserve(mac(2), "10.99.0.2", "laptop")
      yield* also(database, "laptop", mac(3), mac(4))
      yield* database.reserve(mac(3), "10.99.0.3", "same-mac")
      yield* database.reserve(mac(5), "10.99.0.2", "same-address")
      yield* nameOnly(database, mac(1), "again")
      yield* nameOnly(database, mac(6), "ignore")
      yield* nameOnly(database, mac(7), "x\n02:00:00:00:00:66,evil")
      yield* nameOnly(database, mac(8), "phone")
      yield* nameOnly(database, mac(8), "other-phone", "another")
      yield* database.reserve(mac(9), "10.99.0.9", "crowd")
      yield* also(database, "crowd", ...Array.from({ length: 60 }, (_, at) => mac(100 + at)))
      const { content, leftOut, reservations } = yield* (yield* reservationsOf(database)).render
      assert.deepStrictEqual(linesOf(content), [
        "dhcp-host=02:00:00:00:00:08,other-phone",
        "dhcp-host=02:00:00:00:00:01,again",
        "dhcp-host=02:00:00:00:00:02,02:00:00:00:00:03,02:00:00:00:00:04,10.99.0.2,laptop",
        ""
      ])
      assert.strictEqual(reservations, 3)
      assert.deepStrictEqual(leftOut.map(({ rule }) => rule.split(/[:,] /u)[0]), [
        "hostname",
        "hostname",
        "its MAC has another reservation without an address at this server",
        "its MAC has another reservation in this subnet",
        "its address has another reservation",
        "its MAC has another reservation in this subnet",
        "line"
      ])
    }))
})
