import { Nats, Postgres } from "@leasehold/runtime"
import { type Nats as NatsServer, startNats } from "@leasehold/devstack"
import { eventually } from "@leasehold/devstack/test"
import { ConfigProvider, Effect, Layer, Logger } from "effect"
import pg from "pg"
import { afterAll, assert, beforeAll, it } from "vitest"
import { Applier } from "../../src/apply/Applier.ts"
import { Relay } from "../../src/outbox/Relay.ts"
import { Sweeper } from "../../src/sweep/Sweeper.ts"
import { event, mac, randomEvents } from "../randomEvents.ts"
import { dump, type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"

let nats: NatsServer
const opened: Array<RegistryDatabase> = []
beforeAll(async () => {
  nats = await startNats()
})
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()))
  await nats?.stop()
})
const database = async () => {
  const one = await registryDatabase()
  opened.push(one)
  await one.query("INSERT INTO subnets (cidr, name, policy) VALUES ('10.0.0.0/24', 'auto', 'auto')")
  await one.query("INSERT INTO dhcp_servers (server) VALUES ('lab')")
  await one.query("INSERT INTO subnet_servers SELECT id, 'lab' FROM subnets")
  return one
}
const run = <A, E>(one: RegistryDatabase, use: Effect.Effect<A, E, Applier | Sweeper>) => {
  const config = ConfigProvider.layer(
    ConfigProvider.fromEnv({ env: { DATABASE_URL: one.url, NATS_SERVERS: nats.url } })
  )
  const services = Layer.mergeAll(Applier.layer, Sweeper.layer).pipe(
    Layer.provide(Relay.layer),
    Layer.provide(Layer.mergeAll(Postgres.layer("registry"), Nats.layer("test"))),
    Layer.provide(config),
    Layer.provideMerge(Logger.layer([]))
  )
  return Effect.runPromise(Effect.provide(use, services))
}
const apply = (events: Parameters<(typeof Applier)["Service"]["apply"]>[0]) =>
  Effect.flatMap(Applier, (applier) => applier.apply(events))
const sweep = Effect.flatMap(Sweeper, (sweeper) => sweeper.sweep)
const day = 86_400_000_000
const now = () => Date.now() * 1000

it("ends automatic reservations of systems that were not seen for long, and never an administrator's", async () => {
  const one = await database()
  await one.query("UPDATE subnets SET auto_keep = '2 days'")
  await run(
    one,
    apply([
      event("lab.ack", { mac: mac(1), ip: "10.0.0.10" }, now() - 1.5 * day),
      event("lab.ack", { mac: mac(2), ip: "10.0.0.11" }, now() - 1.5 * day),
      event("lab.discover", { mac: mac(2) }, now())
    ])
  )
  await one.query("INSERT INTO reservations (mac, address, name) VALUES ($1, '10.0.0.12', 'old')", [mac(3)])
  await one.query("UPDATE subnets SET auto_keep = '1 day'")
  assert.strictEqual(await run(one, sweep), 1)
  assert.deepStrictEqual(
    await one.query("SELECT mac::text FROM reservations ORDER BY mac"),
    [{ mac: mac(2) }, { mac: mac(3) }]
  )
  await run(one, apply([event("lab.ack", { mac: mac(1), ip: "10.0.0.10" }, now() - 1.5 * day)]))
  assert.lengthOf(
    await one.query("SELECT FROM reservations WHERE mac = $1", [mac(1)]),
    0,
    "what is told late does not begin it again"
  )
})

it("removes old sightings, and nothing that history or a current address rests on", async () => {
  const one = await database()
  const old = randomEvents(5, { macs: 6, addresses: 4, events: 400 }, now() - 40 * day)
  await run(one, apply(old))
  const { history, sightings: before = [], systems } = await dump(one)
  const removed = await run(one, sweep)
  const { history: historyAfter, sightings: after = [], systems: systemsAfter } = await dump(one)
  assert.isAbove(removed, 50)
  assert.strictEqual(after.length, before.length - removed)
  assert.deepStrictEqual(historyAfter, history)
  assert.deepStrictEqual(systemsAfter, systems)

  // What remains is enough to fold the same history from.
  const fresh = await database()
  const kept = new Set((await one.query<{ id: string }>("SELECT event_id AS id FROM sightings")).map(({ id }) => id))
  await run(fresh, apply(old.filter(({ id }) => kept.has(id))))
  assert.deepStrictEqual((await dump(fresh))["history"], history)
})

const connect = async (one: RegistryDatabase) => {
  const client = new pg.Client({ connectionString: one.url })
  await client.connect()
  return client
}
/** Until somebody waits for a lock of this kind. */
const waits = (client: pg.Client, kind: "advisory" | "relation") =>
  eventually(`the sweep waits for a lock (${kind})`, async () => {
    const { rows } = await client.query(
      `SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
       WHERE d.datname = current_database() AND l.locktype = $1 AND NOT l.granted`,
      [kind]
    )
    return rows[0]
  })

it("keeps nobody from writing while it looks for what is due", async () => {
  const one = await database()
  await run(one, apply(randomEvents(6, { macs: 4, addresses: 4, events: 50 }, now() - 40 * day)))
  const [reader, writer] = await Promise.all([connect(one), connect(one)])
  await reader.query("BEGIN; LOCK TABLE address_history IN ACCESS EXCLUSIVE MODE")
  const sweeping = run(one, sweep)
  await waits(reader, "relation")
  await writer.query("SET lock_timeout = '5s'")
  await writer.query("SELECT take_writer_lock()")
  await reader.query("COMMIT")
  assert.isAbove(await sweeping, 0)
  await Promise.all([reader.end(), writer.end()])
})

it("ends nothing that is not due any more when its turn to write comes", async () => {
  const one = await database()
  await run(one, apply([event("lab.ack", { mac: mac(1), ip: "10.0.0.10" }, now() - 1.5 * day)]))
  await one.query("UPDATE subnets SET auto_keep = '1 day'")
  const writer = await connect(one)
  await writer.query("BEGIN; SELECT take_writer_lock()")
  const sweeping = run(one, sweep)
  await waits(writer, "advisory")
  await writer.query("UPDATE systems SET last_seen = now()")
  await writer.query("COMMIT")
  assert.strictEqual(await sweeping, 0)
  assert.lengthOf(await one.query("SELECT FROM reservations"), 1)
  await writer.end()
})

it("ends in one pass what fills many batches", async () => {
  const one = await database()
  await one.query(
    `INSERT INTO sightings (server, address, at, event_id, mac, held, kind)
     SELECT 'lab', '10.0.0.10', now() - interval '60 days' + n * interval '1 second', 'e' || n, $1, true, 'ack'
     FROM generate_series(1, 2001) AS n`,
    [mac(1)]
  )
  assert.strictEqual(await run(one, sweep), 2000)
  assert.deepStrictEqual(await one.query("SELECT event_id FROM sightings"), [{ event_id: "e2001" }])
})
