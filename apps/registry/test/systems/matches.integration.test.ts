import { ServerId } from "@leasehold/events"
import { Effect, Layer } from "effect"
import { afterAll, assert, beforeAll, it } from "vitest"
import type { KnownSystem } from "../../src/systems/KnownSystem.ts"
import { matches } from "../../src/systems/matches.ts"
import type { SystemFilter } from "../../src/systems/SystemFilter.ts"
import { Systems } from "../../src/systems/Systems.ts"
import { databaseLayer, type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"

let database: RegistryDatabase
beforeAll(async () => {
  database = await registryDatabase()
  await database.query(`INSERT INTO dhcp_servers (server) VALUES ('lab'), ('attic')`)
  await database.query(
    `INSERT INTO subnets (cidr, name) VALUES ('10.0.0.0/24', 'lab'), ('10.0.1.0/25', 'half'), ('10.2.0.0/15', 'wide')`
  )
  await database.query(`
    INSERT INTO systems (mac, name, name_source, state, first_seen, last_seen, server, server_stamp, address, vendor)
    SELECT ('00:16:3e:00:00:' || lpad(to_hex(n), 2, '0'))::macaddr, (ARRAY['nas', 'printer', 'n-as'])[1 + n % 3] || n, 'client',
      (ARRAY['known', 'ignored', 'blocked'])[1 + n % 3], now(), '2026-01-01'::timestamptz + n * interval '1 day 1 microsecond',
      (ARRAY['lab', 'attic'])[1 + n % 2], 'x',
      (ARRAY['10.0.0.0', '10.0.1.120', '10.2.255.250', '10.3.0.1', NULL, '10.4.0.1'])[1 + n % 6]::inet + n / 6,
      (ARRAY['Xensource, Inc.', NULL, 'ÄÖ 100%_', 'Apple'])[1 + n % 4]
    FROM generate_series(1, 60) AS n`)
  await database.query(`
    INSERT INTO reservations (mac, address, name)
    SELECT mac, '10.0.0.100'::inet + row_number() OVER (), 'r' || row_number() OVER () FROM systems WHERE name LIKE 'n%' LIMIT 20`)
})
afterAll(() => database?.close())

const filters: ReadonlyArray<SystemFilter> = [
  {},
  { subnet: "10.0.0.0/24" },
  { subnet: "10.0.1.0/25" },
  { subnet: "10.2.0.0/15" },
  { states: ["ignored"] },
  { states: ["known", "blocked"] },
  { states: [] },
  { seenSince: "2026-01-11T00:00:00.000010Z" },
  { seenSince: "2026-01-11T00:00:00.000011Z" },
  { name: "nas" },
  { name: "NAS1" },
  { name: "%" },
  { name: "_" },
  { vendor: "xensource" },
  { vendor: "100%_" },
  { vendor: "PPL" },
  { vendor: "\\" },
  { server: ServerId.make("lab") },
  { reserved: true },
  { reserved: false },
  { reserved: true, server: ServerId.make("attic"), name: "n", states: ["known", "ignored"], subnet: "10.2.0.0/15" }
]

it("what is listed and what is watched are the same systems, by every filter", async () => {
  const listed = await Effect.runPromise(
    Effect.gen(function*() {
      const systems = yield* Systems
      return yield* Effect.forEach(filters, (filter) => systems.list(filter, { after: undefined, size: 1_000 }))
    }).pipe(Effect.provide(Systems.layer.pipe(Layer.provide(databaseLayer(database.url)))))
  )
  const all: ReadonlyArray<KnownSystem> = listed[0] ?? []
  assert.lengthOf(all, 60)
  const reserved = new Set(
    (await database.query<{ mac: string }>("SELECT mac FROM reservations")).map(({ mac }) => mac)
  )
  const sizes = filters.map((filter, index) => {
    const expected = all.filter((system) => matches(filter, system, reserved.has(system.mac))).map(({ mac }) => mac)
    assert.deepStrictEqual((listed[index] ?? []).map(({ mac }) => mac), expected, JSON.stringify(filter))
    return expected.length
  })
  assert.isAbove(sizes.filter((size) => size > 0 && size < 60).length, 12)
})
