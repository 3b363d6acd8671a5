/** Facts bear the time at which what they tell happened: whoever goes by it is right in the end. */
import { eventuallyHolds } from "@leasehold/devstack/test"
import { type DhcpEvent, DiscoveryFact } from "@leasehold/events"
import { Effect, Schema } from "effect"
import pg from "pg"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { Applier } from "../../src/apply/Applier.ts"
import { event, mac } from "../randomEvents.ts"
import { type RegistryDatabase, registryDatabase, withApplier } from "../registryDatabase.ts"

let database: RegistryDatabase
beforeAll(async () => {
  database = await registryDatabase()
  await database.query("INSERT INTO dhcp_servers (server) VALUES ('lab')")
  await database.query(
    "INSERT INTO subnets (cidr, name, policy) VALUES ('10.0.0.0/24', 'auto', 'auto'), ('10.1.0.0/24', 'manual', 'manual')"
  )
  await database.query("INSERT INTO subnet_servers SELECT id, 'lab' FROM subnets")
})
afterAll(() => database?.close())

const start = Date.now() * 1000 - 3_600_000_000
/** An event so many seconds after the start, which is long ago. */
const say = (second: number, kind: string, body: object): DhcpEvent =>
  event(`lab.${kind}`, { id: `e${second}`, ...body }, start + second * 1_000_000)
const time = (second: number) => new Date(start / 1000 + second * 1000).toISOString().replace("Z", "000Z")
const applier = <A, E>(use: (applier: Applier["Service"]) => Effect.Effect<A, E>) =>
  withApplier(database.url, Effect.flatMap(Applier, use))
const applyEach = (...events: ReadonlyArray<DhcpEvent>) =>
  applier((one) => Effect.forEach(events, (event) => one.apply([event]), { discard: true }))
const pending = () => applier((one) => one.applyPendingNames)
/** Of whom the facts are, and when what they tell happened, in the order of the outbox. */
const told = async (type: string): Promise<ReadonlyArray<readonly [who: string, at: string]>> =>
  (await database.query<{ body: unknown }>("SELECT body FROM outbox WHERE type = $1 ORDER BY id", [type])).flatMap(
    ({ body }) => {
      const fact = Schema.decodeUnknownSync(DiscoveryFact)(body)
      return "mac" in fact ? [[fact.mac, fact.at] as const] : []
    }
  )

describe("the time of a fact", () => {
  it("is when a system was renamed, however long ago it was seen", async () => {
    const begun = new Date(Date.now() - 60_000).toISOString()
    await applyEach(
      say(1, "ack", { mac: mac(1), ip: "10.0.0.10", hostname: "nas" }),
      say(2, "ack", { mac: mac(2), ip: "10.0.0.11" }),
      say(3, "request", { mac: mac(2), ip: "10.0.0.11", hostname: "nas" })
    )
    await database.query("UPDATE reservations SET name = 'tv' WHERE mac = $1", [mac(1)])
    await pending()
    await database.query("DELETE FROM reservations WHERE mac = $1", [mac(1)])
    await pending()
    const renamed = await told("system.renamed")
    assert.deepStrictEqual(renamed.map(([who]) => who), [mac(2), mac(1), mac(1)])
    const times = [...renamed, ...await told("system.name-conflict")].map(([, at]) => at)
    assert.lengthOf(times, 4)
    for (const at of times) assert.isAbove(Date.parse(at), Date.parse(begun))
    assert.deepStrictEqual(renamed.map(([, at]) => at), renamed.map(([, at]) => at).toSorted())
  })

  it("is when an address was lost to another, or given up for an older one", async () => {
    await applyEach(
      say(11, "ack", { mac: mac(11), ip: "10.1.0.10" }),
      say(12, "ack", { mac: mac(12), ip: "10.1.0.20" }),
      say(13, "ack", { mac: mac(12), ip: "10.1.0.21" }),
      say(50, "ack", { mac: mac(13), ip: "10.1.0.10" }),
      say(60, "expire", { mac: mac(12), ip: "10.1.0.21" })
    )
    assert.deepStrictEqual(
      await database.query("SELECT host(address) AS address FROM systems WHERE mac = $1", [mac(12)]),
      [{ address: "10.1.0.20" }]
    )
    assert.deepStrictEqual(await told("system.address-changed"), [
      [mac(12), time(13)],
      [mac(11), time(50)],
      [mac(12), time(60)]
    ])
  })

  it("is after the writer that it waited for", async () => {
    await applyEach(say(70, "ack", { mac: mac(20), ip: "10.1.0.70", hostname: "first" }))
    const writer = new pg.Client({ connectionString: database.url })
    await writer.connect()
    try {
      await writer.query("BEGIN")
      await writer.query("SELECT take_writer_lock()")
      const applied = applyEach(say(71, "ack", { mac: mac(21), ip: "10.1.0.71", hostname: "first" }))
      await eventuallyHolds(
        "the other waits",
        () => database.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"),
        (rows) => rows.length > 0
      )
      const { rows: [row] } = await writer.query<{ now: string }>("SELECT iso_timestamp(clock_timestamp()) AS now")
      await writer.query("COMMIT")
      await applied
      const conflict = (await told("system.name-conflict")).at(-1)
      assert.strictEqual(conflict?.[0], mac(21))
      assert.isAbove(Date.parse(conflict?.[1] ?? ""), Date.parse(row?.now ?? "") - 1)
    } finally {
      await writer.end()
    }
  })
})
