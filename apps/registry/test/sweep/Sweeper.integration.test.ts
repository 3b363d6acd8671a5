import { Nats, Postgres } from "@leasehold/runtime"
import { type Nats as NatsServer, startNats } from "@leasehold/devstack"
import { ConfigProvider, Effect, Layer, Logger } from "effect"
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
