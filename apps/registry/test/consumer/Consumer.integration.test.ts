import { type Nats, startNats } from "@leasehold/devstack"
import { DiscoveryFact } from "@leasehold/events"
import { Schema } from "effect"
import { afterAll, assert, beforeAll, it } from "vitest"
import { type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"
import { type Bus, connectBus, eventually, type Running, startRegistry } from "../RunningRegistry.ts"

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
  assert.deepStrictEqual(await database.query("SELECT * FROM outbox"), [])
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
