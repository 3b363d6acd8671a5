import { type Nats, startNats } from "@leasehold/devstack"
import { eventually } from "@leasehold/devstack/test"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"
import { connectBus } from "../RunningRegistry.ts"
import { type Receiver, startReceiver } from "./Receiver.ts"

const main = new URL("../../src/main.ts", import.meta.url).pathname
let dir: string
let nats: Nats
let database: RegistryDatabase
let receiver: Receiver
const started: Array<ChildProcess> = []
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "leasehold-webhook-"))
  nats = await startNats({ dir })
  database = await registryDatabase()
  receiver = await startReceiver()
})
afterAll(async () => {
  started.forEach((child) => child.kill("SIGKILL"))
  await receiver?.stop()
  await database?.close()
  await nats?.stop()
  await rm(dir, { recursive: true, force: true })
})

const startRegistry = () => {
  const child = spawn(process.execPath, [main], {
    env: {
      ...process.env,
      DATABASE_URL: database.url,
      NATS_SERVERS: nats.url,
      REGISTRY_API_PORT: "0",
      REGISTRY_SUBNETS: "10.0.0.0/16=lab:auto",
      REGISTRY_WEBHOOK_URL: receiver.url
    },
    stdio: "ignore"
  })
  started.push(child)
  return child
}

describe("the webhook of a registry", () => {
  it(
    "loses no fact, and takes none up before the one before it, when registry and bus are killed again and again",
    async () => {
      const systems = 200
      let registry = startRegistry()
      const bus = await connectBus(nats.url)
      await eventually("the consumer is there", async () => {
        const manager = await bus.client.jetstreamManager()
        return (await manager.consumers.info("DISCOVERY", "webhook")).name
      })
      for (let number = 0; number < systems; number++) {
        const octet = number.toString(16).padStart(2, "0")
        await bus.publish("dhcp.v1.event.lab.ack", { mac: `00:16:3e:00:00:${octet}`, ip: `10.0.1.${number + 1}` })
      }
      for (let round = 1; round <= 4; round++) {
        const before = receiver.received.length
        await eventually(
          "some facts are received",
          async () => receiver.received.length > before + 20 ? true : undefined,
          60_000
        )
        const exited = once(registry, "exit")
        registry.kill("SIGKILL")
        await exited
        if (round % 2 === 0) {
          await nats.kill()
          nats = await startNats({ dir, port: nats.port })
        }
        registry = startRegistry()
      }
      await bus.settled()
      await eventually("every fact is received", async () => {
        const facts = await bus.messages("DISCOVERY")
        const ids = new Set(receiver.received.map(({ headers }) => headers["ce-id"]))
        return facts.length === systems * 2 && facts.every((fact) => ids.has(fact.header("ce-id"))) ? true : undefined
      }, 90_000)
      const order = (await bus.messages("DISCOVERY")).map((fact) => fact.header("ce-id"))
      const first = [...new Set(receiver.received.map(({ headers }) => String(headers["ce-id"])))]
      assert.deepStrictEqual(first, order)
      // What was taken when one of them was killed comes again, and not much more.
      assert.isAtMost(receiver.received.length, order.length + 50)
      await bus.close()
    },
    240_000
  )
})
