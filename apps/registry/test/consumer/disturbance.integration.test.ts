/** What must not matter: how many replicas there are, what is delivered twice, which server is away meanwhile. */
import { type Nats, type Postgres, startNats, startPostgres } from "@leasehold/devstack"
import { eventually } from "@leasehold/devstack/test"
import { encodeBody, eventSubject } from "@leasehold/events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import pg from "pg"
import { afterEach, assert, beforeEach, it } from "vitest"
import { randomEvents } from "../randomEvents.ts"
import { dump, type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"
import { type Bus, connectBus, type Running, startRegistry } from "../RunningRegistry.ts"

const subnets = { REGISTRY_SUBNETS: "10.0.0.0/24=lab:auto,10.1.0.0/24=lab:manual" }
const events = () => randomEvents(42, { macs: 40, addresses: 60, events: 800 }, Date.now() * 1000 - 3_600_000_000)

let scratch: string
let stops: Array<() => Promise<unknown>>
let postgres: Postgres
let nats: Nats
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "leasehold-registry-"))
  postgres = await startPostgres({ dir: join(scratch, "pg") })
  nats = await startNats({ dir: join(scratch, "nats") })
  stops = [async () => {
    await Promise.all([postgres.stop(), nats.stop()])
    await rm(scratch, { recursive: true, force: true })
  }]
})
afterEach(async () => {
  for (const stop of stops.toReversed()) await stop()
})

const database = async (): Promise<RegistryDatabase> => {
  const one = await registryDatabase(postgres.url)
  stops.push(() => one.close())
  return one
}
const replica = async (one: RegistryDatabase, env = {}): Promise<Running> => {
  const running = await startRegistry({ database: one.url, nats: nats.url }, { ...subnets, ...env })
  stops.push(() => running.stop())
  return running
}
const bus = async (): Promise<Bus> => {
  const one = await connectBus(nats.url)
  stops.push(() => one.close())
  return one
}
const publishAll = async (to: Bus, all: ReturnType<typeof events>, suffix = "") => {
  for (let from = 0; from < all.length; from += 100) {
    await Promise.all(
      all.slice(from, from + 100).map((event) =>
        to.publish(eventSubject(event.server, event.kind), encodeBody(event), `${event.id}${suffix}`)
      )
    )
  }
}
/** The state that one registry makes of the events when nobody disturbs it, on a bus of its own. */
const expected = async (all: ReturnType<typeof events>) => {
  const quiet = await startNats()
  const alone = await database()
  const running = await startRegistry({ database: alone.url, nats: quiet.url }, subnets)
  const undisturbed = await connectBus(quiet.url)
  await publishAll(undisturbed, all)
  await undisturbed.settled()
  await undisturbed.close()
  await running.stop()
  await quiet.stop()
  const state = await dump(alone)
  assert.isAbove(state["reservations"]?.length ?? 0, 5)
  return state
}

it("two replicas and messages that come twice make the state of one", async () => {
  const all = events()
  const alone = await expected(all)
  const shared = await database()
  const to = await bus()
  await Promise.all([
    replica(shared, { REGISTRY_BATCH_MESSAGES: "20" }),
    replica(shared, { REGISTRY_BATCH_MESSAGES: "7" })
  ])
  await publishAll(to, all)
  await publishAll(to, all.slice(0, 400), "-again")
  await to.settled()
  assert.deepStrictEqual(await dump(shared), alone)
  const facts = await eventually(
    "the outbox is empty",
    async () => (await shared.query("SELECT FROM outbox")).length === 0 ? to.messages("DISCOVERY") : undefined
  )
  const ids = facts.map(({ header }) => Number(header("Nats-Msg-Id").slice("outbox-".length)))
  assert.deepStrictEqual(ids, ids.toSorted((a, b) => a - b))
  assert.strictEqual(new Set(ids).size, ids.length)
  assert.lengthOf(await to.messages("REJECTED"), 0)
})

it("servers that are killed while events come in change nothing, and no fact is lost or told twice", async () => {
  const all = events()
  const alone = await expected(all)
  const one = await database()
  const to = await bus()
  await replica(one, { REGISTRY_BATCH_MESSAGES: "25" })
  await publishAll(to, all.slice(0, 300))
  await eventually("some are applied", async () => (await one.query("SELECT FROM systems"))[0])
  await postgres.kill()
  await publishAll(to, all.slice(300, 500))
  postgres = await startPostgres({ dir: join(scratch, "pg"), port: postgres.port })
  await publishAll(to, all.slice(500, 600))
  await nats.kill()
  nats = await startNats({ dir: join(scratch, "nats"), port: nats.port })
  await eventually(
    "the bus is back",
    () => to.publish("dhcp.v1.event.lab.discover", { mac: "00:16:3e:ff:00:01" }, "probe").then(() => true)
  )
  await publishAll(to, all.slice(550))
  await to.settled()
  await one.query("DELETE FROM systems WHERE mac = '00:16:3e:ff:00:01'")
  assert.deepStrictEqual(await dump(one), alone)
  const facts = await eventually(
    "the outbox is empty",
    async () => (await one.query("SELECT FROM outbox")).length === 0 ? to.messages("DISCOVERY") : undefined
  )
  const ids = facts.map(({ header }) => Number(header("Nats-Msg-Id").slice("outbox-".length)))
  assert.deepStrictEqual(ids, ids.toSorted((a, b) => a - b))
  assert.strictEqual(new Set(ids).size, ids.length)
  const discovered = facts.filter(({ subject }) => subject.startsWith("discovery.v1.system.discovered."))
    .map(({ subject }) => subject.slice(-17)).filter((mac) => mac !== "00:16:3e:ff:00:01")
  const known = await one.query<{ mac: string }>("SELECT mac::text FROM systems ORDER BY mac")
  assert.deepStrictEqual(discovered.toSorted(), known.map(({ mac }) => mac))
})

it("a replica that ends gives its messages to the other at once", async () => {
  const one = await database()
  const to = await bus()
  const [first] = await Promise.all([replica(one), replica(one)])
  // Nothing can be written while somebody has the writer lock: both replicas hold messages then.
  const blocked = await postgresLock(one)
  await publishAll(to, events().slice(0, 200))
  await eventually("messages wait to be written", async () => {
    const waiting = await one.query(`
      SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database
      WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted`)
    return waiting.length >= 1 ? true : undefined
  })
  await first.stop()
  await blocked.release()
  const begun = performance.now()
  await to.settled()
  assert.isBelow(performance.now() - begun, 25_000, "well before JetStream would deliver them again by itself")
})

const postgresLock = async (one: RegistryDatabase) => {
  const client = new pg.Client({ connectionString: one.url })
  await client.connect()
  await client.query("BEGIN")
  await client.query("SELECT take_writer_lock()")
  return {
    release: async () => {
      await client.query("ROLLBACK")
      await client.end()
    }
  }
}
