import { type Nats, startNats } from "@leasehold/devstack"
import { eventually, eventuallyHolds } from "@leasehold/devstack/test"
import { DiscoveryFact } from "@leasehold/events"
import { Schema } from "effect"
import { afterAll, assert, beforeAll, it } from "vitest"
import { type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"
import { type Bus, connectBus, type Running, startRegistry } from "../RunningRegistry.ts"

let nats: Nats
let bus: Bus
let database: RegistryDatabase
let registry: Running
beforeAll(async () => {
  nats = await startNats()
  database = await registryDatabase()
  registry = await startRegistry({ database: database.url, nats: nats.url }, {
    REGISTRY_SUBNETS: "10.0.0.0/24=lab:auto,10.1.0.0/24=lab:manual"
  })
  bus = await connectBus(nats.url)
})
afterAll(async () => {
  await bus?.close()
  await registry?.stop()
  await database?.close()
  await nats?.stop()
})

it("makes a system, its history, its reservation and its facts of one event written by hand", async () => {
  await bus.publish("dhcp.v1.event.lab.ack", { mac: "00:16:3e:12:34:56", ip: "10.0.0.7", hostname: "nas" })
  await bus.settled()
  const [system] = await database.query("SELECT mac, name, name_source, host(address) AS address FROM systems")
  assert.deepStrictEqual(system, { mac: "00:16:3e:12:34:56", name: "nas", name_source: "client", address: "10.0.0.7" })
  const [reservation] = await database.query("SELECT mac, host(address) AS address, name, source FROM reservations")
  assert.deepStrictEqual(reservation, { mac: "00:16:3e:12:34:56", address: "10.0.0.7", name: "nas", source: "auto" })
  const facts = await eventually("the facts are published", async () => {
    const all = await bus.messages("DISCOVERY")
    return all.length >= 2 ? all : undefined
  })
  const decoded = facts.map(({ body }) => Schema.decodeUnknownSync(DiscoveryFact)(JSON.parse(body)))
  assert.deepStrictEqual(decoded.map(({ type }) => type).toSorted(), ["reservation.created", "system.discovered"])
  await eventuallyHolds(
    "what was published is forgotten",
    () => database.query("SELECT * FROM outbox"),
    (rows) => rows.length === 0
  )
})

it("copies what does not decode to REJECTED, with the reason, and goes on", async () => {
  await bus.publish("dhcp.v1.event.lab.ack", { mac: "00:16:3e:12:34", ip: "10.0.0.8" })
  await bus.publish("dhcp.v1.event.lab.nonsense", "{}")
  await bus.publish("dhcp.v1.event.lab.ack", "no json")
  await bus.publish("dhcp.v1.event.lab.ack", { mac: "00:16:3e:12:34:57", ip: "10.0.0.8" })
  await bus.settled()
  assert.lengthOf(await database.query("SELECT FROM systems WHERE mac = '00:16:3e:12:34:57'"), 1)
  const rejected = await bus.messages("REJECTED")
  assert.deepStrictEqual(
    rejected.map(({ body, header, subject }) => [subject, body, header("Leasehold-Field"), header("Leasehold-Actual")])
      .toSorted(),
    [
      ["dhcp.v1.rejected.lab", "no json", "body", "\"no json\""],
      ["dhcp.v1.rejected.lab", "{\"mac\":\"00:16:3e:12:34\",\"ip\":\"10.0.0.8\"}", "mac", "\"00:16:3e:12:34\""],
      ["dhcp.v1.rejected.lab", "{}", "subject", "\"dhcp.v1.event.lab.nonsense\""]
    ]
  )
})

it("finds the one message that the database refuses, records it, and applies the others", async () => {
  await database.query(
    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no such system'; END $$"
  )
  await database.query(
    "CREATE TRIGGER refuse BEFORE INSERT ON systems FOR EACH ROW WHEN (NEW.mac = '00:16:3e:66:66:66') EXECUTE FUNCTION refuse()"
  )
  const bodies = Array.from(
    { length: 40 },
    (_, n) => ({ mac: `00:16:3e:66:66:${String(n + 50)}`, ip: `10.1.0.${n + 1}` })
  )
  await Promise.all(bodies.map((body) => bus.publish("dhcp.v1.event.lab.ack", body)))
  await bus.settled()
  const systems = await database.query("SELECT FROM systems WHERE mac::text LIKE '00:16:3e:66:66:%'")
  assert.lengthOf(systems, 39)
  const rejected = (await bus.messages("REJECTED")).filter(({ body }) => body.includes("66:66:66"))
  assert.deepStrictEqual(
    rejected.map(({ body, header }) => [JSON.parse(body), header("Leasehold-Actual")]),
    [[{ mac: "00:16:3e:66:66:66", ip: "10.1.0.17" }, "\"no such system\""]]
  )
})

it("waits for the database without refusing anything, however long it is locked or without rights", async () => {
  await database.query("REVOKE INSERT ON systems FROM registry")
  await bus.publish("dhcp.v1.event.lab.ack", { mac: "00:16:3e:77:00:01", ip: "10.1.0.77" })
  await eventually("it was tried", async () => {
    const [row] = await database.query<{ n: string }>(
      "SELECT xact_rollback::text AS n FROM pg_stat_database WHERE datname = current_database()"
    )
    return Number(row?.n ?? 0) > 2 ? true : undefined
  })
  const before = (await bus.messages("REJECTED")).length
  await database.query("GRANT INSERT ON systems TO registry")
  await bus.settled()
  assert.lengthOf(await database.query("SELECT FROM systems WHERE mac = '00:16:3e:77:00:01'"), 1)
  assert.lengthOf(await bus.messages("REJECTED"), before)
})

it("acts on an administrator's reservation without waiting for an event", async () => {
  await bus.publish("dhcp.v1.event.lab.ack", { mac: "00:16:3e:88:00:01", ip: "10.1.0.88", hostname: "cam" })
  await bus.settled()
  await database.query(
    "INSERT INTO reservations (mac, address, name) VALUES ('00:16:3e:88:00:01', '10.1.0.88', 'camera-1')"
  )
  await eventually(
    "its system is called so",
    async () => (await database.query("SELECT FROM systems WHERE name = 'camera-1' AND name_source = 'reservation'"))[0]
  )
  await eventually(
    "it is announced",
    async () =>
      (await bus.messages("DISCOVERY")).find(({ body, subject }) =>
        subject === "discovery.v1.system.renamed.00:16:3e:88:00:01" && body.includes("camera-1")
      )
  )
})
