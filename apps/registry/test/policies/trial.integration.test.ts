import type { Postgres } from "@leasehold/runtime"
import { eventuallyHolds } from "@leasehold/devstack/test"
import { Effect, Layer } from "effect"
import { setTimeout as sleep } from "node:timers/promises"
import pg from "pg"
import { afterAll, assert, beforeAll, it } from "vitest"
import { Administration } from "../../src/administration/Administration.ts"
import type { Caller } from "../../src/api/Caller.ts"
import { Policies } from "../../src/policies/Policies.ts"
import type { PolicyPatch } from "../../src/policies/PolicyFields.ts"
import { databaseLayer, type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"

const opened: Array<RegistryDatabase> = []
afterAll(() => Promise.all(opened.map((one) => one.close())))

const caller: Caller = { actor: "local:alice", scope: "administer" }
const run = <A, E>(url: string, use: Effect.Effect<A, E, Administration | Policies | Postgres>): Promise<A> =>
  Effect.runPromise(
    Effect.provide(
      use,
      Policies.layer.pipe(Layer.provideMerge(Administration.layer), Layer.provideMerge(databaseLayer(url)))
    )
  )

/** More systems than pages hold, whose clients want few names; the digits of their MACs come again and again. */
const count = 1_700
let database: RegistryDatabase
beforeAll(async () => {
  database = await registryDatabase()
  opened.push(database)
  await database.query("INSERT INTO dhcp_servers (server) VALUES ('lab')")
  await database.query("INSERT INTO subnets (cidr, name, policy) VALUES ('10.0.0.0/16', 'Office', 'manual')")
  await database.query(
    `INSERT INTO systems (mac, name, name_source, first_seen, last_seen, server, server_stamp, first_address,
       first_address_stamp, first_name, first_name_stamp)
     SELECT mac, 'old-' || n, 'generated', at, at, 'lab', stamp, '10.0.0.0'::inet + n, stamp,
       CASE WHEN n % 5 > 0 THEN 'box-' || n * 7 % 31 END, CASE WHEN n % 5 > 0 THEN stamp END
     FROM (
       SELECT n, ('00:16:3e:' || lpad(to_hex(n / 100), 2, '0') || ':00:' || lpad(to_hex(n % 100), 2, '0'))::macaddr AS mac,
         at, iso_timestamp(at) || ' ' || md5(n::text) || '00000000' AS stamp
       FROM (SELECT n, now() - n * 7919 % $1 * interval '1 second' AS at FROM generate_series(1, $1::int) AS n) AS x
     ) AS y`,
    [count]
  )
  // Names of clients that came first, reserved for some that come last.
  await database.query(
    `INSERT INTO reservations (mac, address, name)
     SELECT mac, '10.0.200.1'::inet + row_number() OVER (), 'box-' || row_number() OVER ()
     FROM (SELECT mac FROM systems ORDER BY mac DESC LIMIT 5) AS y`
  )
})

const names = async () =>
  new Map(
    (await database.query<{ mac: string; name: string }>("SELECT mac::text, name FROM systems"))
      .map(({ mac, name }) => [mac, name])
  )

it.each<[string, PolicyPatch]>([
  ["clients have names, the first of them", { conflict: "first-wins", clientNames: true }],
  ["the last one has the name", { conflict: "last-wins" }],
  ["names are generated, and collide", { pattern: "pc-{mac:2}", clientNames: false }],
  ["who does not get its name is numbered", { pattern: "n-{seq}", conflict: "reject", clientNames: true }],
  ["a name is forbidden", { conflict: "last-wins", forbidden: ["box-7", "n-1"] }]
])("a trial over many pages tells the names that applying gives: %s", async (_, patch) => {
  const before = await names()
  const tried = await run(database.url, Effect.flatMap(Policies, (all) => all.test("", patch, 10_000)))
  const few = await run(database.url, Effect.flatMap(Policies, (all) => all.test("", patch, 10)))
  const options = { caller, subnet: "", patch, apply: true, dryRun: false }
  await run(database.url, Effect.flatMap(Policies, (all) => all.update(options)))
  const after = await names()
  const changed = [...before].flatMap(([mac, name]) => after.get(mac) === name ? [] : [[mac, name, after.get(mac)]])
  assert.isAbove(changed.length, 10)
  const differences = tried.differences.map(({ after, before, mac }) => [mac, before, after])
  assert.deepStrictEqual(differences, changed.toSorted(([a = ""], [b = ""]) => a < b ? -1 : 1))
  assert.strictEqual(tried.changed, changed.length)
  assert.deepInclude(few, { changed: tried.changed, systems: tried.systems })
  assert.lengthOf(few.differences, 10)
  for (const one of few.differences) assert.deepInclude(tried.differences, one)
})

it("of trials that are wanted at the same time, one is under way", async () => {
  const holder = new pg.Client({ connectionString: database.url })
  await holder.connect()
  await holder.query("BEGIN; LOCK TABLE systems IN ACCESS EXCLUSIVE MODE")
  const test = Effect.flatMap(Policies, (all) => all.test("", { pattern: "x-{mac:6}" }, 1))
  const trials = run(database.url, Effect.all([test, test, test], { concurrency: 3 }))
  // Every other transaction of this database: those that wait for the table are the trials.
  const busy = `
    SELECT wait_event_type AS waits FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()`
  await eventuallyHolds(
    "one waits for the table",
    () => database.query<{ waits: string }>(busy),
    (seen) => seen.some(({ waits }) => waits === "Lock")
  )
  // The others were called with it; what would let them begin takes less.
  await sleep(200)
  assert.deepStrictEqual(await database.query(busy), [{ waits: "Lock" }])
  await holder.query("COMMIT")
  await holder.end()
  const [one, ...others] = await trials
  for (const other of others) assert.deepStrictEqual(other, one)
})
