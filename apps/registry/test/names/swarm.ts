/** Many systems that want the same few names, over two registries at once: what their names are in whatever order they come. */
import { startNats } from "@leasehold/devstack"
import { eventuallyHolds } from "@leasehold/devstack/test"
import { jetstreamManager } from "@nats-io/jetstream"
import { assert } from "vitest"
import { isHostName } from "../../src/names/forbidden.ts"
import { random, shuffled } from "../randomEvents.ts"
import { registryDatabase } from "../registryDatabase.ts"
import { connectBus, startRegistry } from "../RunningRegistry.ts"

const wanted = ["espressif", "iphone", "nas", "printer", "tv"]

const macOf = (number: number) => `00:16:3e:${number.toString(16).padStart(6, "0").replace(/(..)(?=.)/gu, "$1:")}`
const ipOf = (number: number) => `10.${20 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`

interface Message {
  readonly id: string
  readonly body: object
}

const messages = (count: number): ReadonlyArray<Message> => {
  const start = Date.now() - 3_600_000
  return Array.from({ length: count }, (_, index) => index + 1).map((number): Message => ({
    id: `swarm-${number}`,
    body: {
      id: `swarm-${number}`,
      at: new Date(start + number * 10).toISOString(),
      mac: macOf(number),
      ip: ipOf(number),
      clientName: wanted[number % wanted.length]
    }
  }))
}

export interface Outcome {
  readonly names: ReadonlyMap<string, string>
  /** Seconds until the last was named. */
  readonly seconds: number
}

/** Has them named in an order made from the seed, sends all of it again in another, and checks what must hold. */
export const nameSwarm = async (count: number, seed: number): Promise<Outcome> => {
  const [nats, database] = await Promise.all([startNats(), registryDatabase()])
  const stops: Array<() => Promise<unknown>> = [() => nats.stop(), () => database.close()]
  try {
    await database.query(
      "INSERT INTO subnets (cidr, name, policy, auto_share) VALUES ('10.20.0.0/16', 'swarm', 'auto', 1)"
    )
    await database.query("INSERT INTO dhcp_servers (server) VALUES ('lab')")
    await database.query("INSERT INTO subnet_servers SELECT id, 'lab' FROM subnets")
    for (const batch of ["150", "70"]) {
      const urls = { database: database.url, nats: nats.url }
      const replica = await startRegistry(urls, { REGISTRY_BATCH_MESSAGES: batch })
      stops.push(() => replica.stop())
    }
    const bus = await connectBus(nats.url)
    stops.push(() => bus.close())
    const all = messages(count)
    const send = async (order: ReadonlyArray<Message>, suffix: string) => {
      for (let from = 0; from < order.length; from += 250) {
        await Promise.all(
          order.slice(from, from + 250).map(({ body, id }) =>
            bus.publish("dhcp.v1.event.lab.ack", body, `${id}${suffix}`)
          )
        )
      }
      await bus.settled()
    }
    const begun = performance.now()
    await send(shuffled(all, random(seed)), "")
    const seconds = (performance.now() - begun) / 1000
    const state = () =>
      database.query<{ row: string }>(
        `SELECT to_jsonb(t)::text AS row FROM systems t UNION ALL SELECT to_jsonb(t)::text FROM reservations t
         UNION ALL SELECT to_jsonb(t)::text FROM name_conflicts t UNION ALL SELECT to_jsonb(t)::text FROM given_names t`
      ).then((rows) => rows.map(({ row }) => row).toSorted())
    const before = await state()
    const facts = async (subjects: string) => {
      await eventuallyHolds(
        "the outbox is empty",
        () => database.query("SELECT FROM outbox LIMIT 1"),
        ({ length }) => length === 0,
        60_000
      )
      const { state } = await (await jetstreamManager(bus.connection)).streams.info("DISCOVERY", {
        subjects_filter: subjects
      })
      return { total: state.messages, found: Object.keys(state.subjects ?? {}).length }
    }
    const renamed = await facts("discovery.v1.system.renamed.>")
    const conflicts = await facts("discovery.v1.system.name-conflict.>")
    assert.strictEqual(renamed.found, 0, "nobody is renamed once named")
    assert.strictEqual(conflicts.found, wanted.length, "a disputed name is told once")
    assert.strictEqual(conflicts.total, count * 2 + wanted.length, "found, reserved for, and five disputes")
    await send(shuffled(all, random(seed + 1)), "-again")
    assert.deepStrictEqual(await state(), before, "sending everything again changes nothing")
    assert.strictEqual((await facts(">")).total, conflicts.total, "and is nothing to tell")
    const rows = await database.query<{ mac: string; name: string }>("SELECT mac::text, name FROM systems")
    const names = new Map(rows.map(({ mac, name }) => [mac, name]))
    assert.strictEqual(names.size, count)
    assert.strictEqual(new Set(names.values()).size, count, "every name is unique")
    assert.deepStrictEqual([...names.values()].filter((name) => !isHostName(name)), [])
    return { names, seconds }
  } finally {
    for (const stop of stops.toReversed()) await stop()
  }
}

/** All but who holds the five names are named the same. */
export const assertSameBut = (one: Outcome, other: Outcome): void => {
  const different = [...one.names].filter(([mac, name]) => other.names.get(mac) !== name)
  const holders = (of: Outcome) => [...of.names].flatMap(([mac, name]) => wanted.includes(name) ? [mac] : [])
  assert.lengthOf(holders(one), wanted.length)
  assert.lengthOf(holders(other), wanted.length)
  const allowed = new Set([...holders(one), ...holders(other)])
  assert.deepStrictEqual(different.filter(([mac]) => !allowed.has(mac)), [])
  assert.isAbove(different.length, 0, "another order has other holders")
}
