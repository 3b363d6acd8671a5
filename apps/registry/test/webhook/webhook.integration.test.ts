import { type Nats as NatsServer, startNats } from "@leasehold/devstack"
import { eventually, eventuallyHolds } from "@leasehold/devstack/test"
import { ensureStreams, Nats, Postgres } from "@leasehold/runtime"
import { headers } from "@nats-io/transport-node"
import { ConfigProvider, Effect, Layer, Logger, ManagedRuntime } from "effect"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { signatureOf } from "../../src/webhook/signature.ts"
import { webhookLayer } from "../../src/webhook/webhookLayer.ts"
import { type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"
import { type Bus, connectBus, startRegistry } from "../RunningRegistry.ts"
import { makeAuthority } from "./authority.ts"
import { type Receiver, startReceiver } from "./Receiver.ts"

const secret = "a secret of many characters"
let nats: NatsServer
let database: RegistryDatabase
let bus: Bus
let receiver: Receiver
const running: Array<{ stop(): Promise<void> }> = []

beforeEach(async () => {
  nats = await startNats()
  database = await registryDatabase()
  bus = await connectBus(nats.url)
  await Effect.runPromise(ensureStreams(await bus.client.jetstreamManager()))
  receiver = await startReceiver()
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()))
  await receiver?.stop()
  await bus?.close()
  await database?.close()
  await nats?.stop()
})

const settings = (env: Readonly<Record<string, string>>) => ({
  REGISTRY_WEBHOOK_URL: receiver.url,
  REGISTRY_WEBHOOK_SECRET: secret,
  REGISTRY_WEBHOOK_RETRY_MIN: "20 millis",
  REGISTRY_WEBHOOK_RETRY_MAX: "100 millis",
  ...env
})

/** The webhook's part of a registry; resolves when it takes what becomes known. */
const startWebhook = async (env: Readonly<Record<string, string>> = {}) => {
  const config = ConfigProvider.layer(
    ConfigProvider.fromEnv({ env: { DATABASE_URL: database.url, NATS_SERVERS: nats.url, ...settings(env) } })
  )
  const runtime = ManagedRuntime.make(
    webhookLayer.pipe(
      Layer.provide(Layer.mergeAll(Postgres.layer("registry", 2), Nats.layer("registry"))),
      Layer.provide(config),
      Layer.provide(Logger.layer([]))
    )
  )
  await runtime.runPromise(Effect.void)
  const one = { stop: () => runtime.dispose() }
  running.push(one)
  return one
}

const announce = async (number: number, type = "system.discovered", body?: string) => {
  const about = headers()
  about.set("ce-id", `outbox-${number}`)
  await bus.client.publish(
    `discovery.v1.${type}.52:54:00:00:00:0${number % 10}`,
    body ?? JSON.stringify({ type, number }),
    { headers: about }
  )
}
const numbers = (): ReadonlyArray<number> =>
  receiver.received.map(({ body }) => {
    const fact: { number: number } = JSON.parse(body)
    return fact.number
  })
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)
const received = (count: number) =>
  eventuallyHolds(`${count} facts are received`, () => receiver.received, ({ length }) => length >= count)
const deadLetters = () =>
  database.query<{ fact_id: string; type: string; body: unknown; attempts: number; error: string }>(
    "SELECT fact_id, type, body, attempts, error FROM webhook_dead_letters ORDER BY id"
  )
const dead = (count: number) => eventuallyHolds(`${count} dead letters`, deadLetters, ({ length }) => length >= count)
const settled = () =>
  eventuallyHolds(
    "nothing waits",
    async () => (await bus.client.jetstreamManager()).consumers.info("DISCOVERY", "webhook"),
    ({ num_ack_pending, num_pending }) => num_pending === 0 && num_ack_pending === 0
  )

describe("the webhook", () => {
  it("posts what a registry makes of an event, signed", async () => {
    const one = await startRegistry(
      { database: database.url, nats: nats.url },
      settings({ REGISTRY_SUBNETS: "10.0.0.0/24=lab:auto" })
    )
    running.push(one)
    await bus.publish("dhcp.v1.event.lab.ack", { mac: "00:16:3e:00:00:01", ip: "10.0.0.7", hostname: "nas" })
    await received(2)
    const facts = await bus.messages("DISCOVERY")
    assert.deepStrictEqual(receiver.received.map(({ body }) => body), facts.map(({ body }) => body))
    assert.sameMembers(facts.map(({ subject }) => subject.split(".").slice(2, 4).join(".")), [
      "system.discovered",
      "reservation.created"
    ])
    receiver.received.forEach(({ body, headers, path }, index) => {
      assert.strictEqual(path, "/hook")
      for (const name of ["ce-id", "ce-source", "ce-type", "ce-time", "ce-specversion"]) {
        assert.strictEqual(headers[name], facts[index]?.header(name), name)
      }
      assert.strictEqual(headers["content-type"], "application/json")
      const signature = String(headers["leasehold-signature"])
      const [, seconds = "0"] = /^t=(\d+),/u.exec(signature) ?? []
      assert.closeTo(Number(seconds), Date.now() / 1_000, 60)
      assert.strictEqual(
        signature,
        signatureOf(secret, Number(seconds), String(headers["ce-id"]), Buffer.from(body))
      )
    })
    assert.deepStrictEqual(await deadLetters(), [])
  })

  it("posts over TLS to a receiver whose CA is named, and to no other", async () => {
    const directory = await mkdtemp(join(tmpdir(), "leasehold-webhook-"))
    await receiver.stop()
    try {
      const authority = makeAuthority(directory, "ca")
      receiver = await startReceiver(0, authority.certificate("IP:127.0.0.1"))
      const apart = await startWebhook({ REGISTRY_WEBHOOK_ATTEMPTS: "2" })
      await announce(1)
      const [row] = await dead(1)
      assert.strictEqual(row?.attempts, 2)
      assert.match(row?.error ?? "", /^the certificate is not trusted .*REGISTRY_WEBHOOK_TLS_CA/u)
      await apart.stop()
      await startWebhook({ REGISTRY_WEBHOOK_TLS_CA: authority.file })
      await announce(2)
      await received(1)
      assert.deepStrictEqual(numbers(), [2])
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })

  it("posts again what was not taken, and then the others in their order", async () => {
    receiver.answer((response, _, number) => {
      if (number === 2) response.destroy()
      else response.writeHead(number < 5 ? 503 : 200).end()
    })
    await startWebhook()
    for (const number of upTo(4)) await announce(number)
    await received(8)
    assert.deepStrictEqual(numbers(), [1, 1, 1, 1, 1, 2, 3, 4])
    const [first, again] = receiver.received
    assert.strictEqual(again?.headers["ce-id"], first?.headers["ce-id"])
    assert.deepStrictEqual(await deadLetters(), [])
  })

  it("records what is refused, and what is not taken within all attempts, and goes on", async () => {
    receiver.answer((response, { body }) => {
      const refused = body.includes("\"number\":2") || body.includes("odd")
      response.writeHead(refused ? 422 : body.includes("\"number\":3") ? 500 : 200).end(refused ? "no such room" : "")
    })
    await startWebhook({ REGISTRY_WEBHOOK_ATTEMPTS: "3" })
    for (const number of upTo(4)) await announce(number)
    await announce(5, "system.discovered", "no json \0")
    await announce(6, "system.discovered", "{\"type\":\"system.discovered\",\"name\":\"odd \\u0000 \\ud800\"}")
    await announce(7)
    const rows = await dead(4)
    await settled()
    assert.deepStrictEqual(rows, [
      {
        fact_id: "outbox-2",
        type: "system.discovered",
        body: { type: "system.discovered", number: 2 },
        attempts: 1,
        error: "HTTP 422: \"no such room\""
      },
      {
        fact_id: "outbox-3",
        type: "system.discovered",
        body: { type: "system.discovered", number: 3 },
        attempts: 3,
        error: "HTTP 500"
      },
      {
        fact_id: "outbox-5",
        type: "system.discovered",
        body: "no json \uFFFD",
        attempts: 0,
        error: "the message is no JSON object with a type"
      },
      {
        fact_id: "outbox-6",
        type: "system.discovered",
        body: "{\"type\":\"system.discovered\",\"name\":\"odd \\u0000 \\ud800\"}",
        attempts: 1,
        error: "HTTP 422: \"no such room\""
      }
    ])
    assert.deepStrictEqual(
      receiver.received.map(({ headers }) => headers["ce-id"]),
      ["outbox-1", "outbox-2", "outbox-3", "outbox-3", "outbox-3", "outbox-4", "outbox-6", "outbox-7"]
    )
  })

  it("loses nothing when it ends in the middle, and nothing that became known meanwhile", async () => {
    receiver.answer((response, _, number) => {
      if (number <= 3) response.writeHead(204).end()
    })
    const first = await startWebhook()
    for (const number of upTo(6)) await announce(number)
    // The fourth has no answer when it ends.
    await received(4)
    await first.stop()
    for (const number of [7, 8]) await announce(number)
    receiver.answer((response) => void response.writeHead(204).end())
    await startWebhook()
    await received(9)
    await settled()
    assert.deepStrictEqual(numbers(), [1, 2, 3, 4, 4, 5, 6, 7, 8])
  })

  it("is one among all replicas: each fact comes once, and in order", async () => {
    await Promise.all([startWebhook(), startWebhook(), startWebhook()])
    await Promise.all([1, 2].map(async (half) => {
      for (let number = half; number <= 60; number += 2) await announce(number)
    }))
    await received(60)
    await settled()
    const stored = (await bus.messages("DISCOVERY")).map(({ body }) => body)
    assert.deepStrictEqual(receiver.received.map(({ body }) => body), stored)
  })

  it("waits for a receiver that is away, and holds up nothing else", async () => {
    const { port } = receiver
    await receiver.stop()
    const one = await startRegistry(
      { database: database.url, nats: nats.url },
      settings({ REGISTRY_SUBNETS: "10.0.0.0/24=lab:auto", REGISTRY_WEBHOOK_ATTEMPTS: "1000" })
    )
    running.push(one)
    for (const number of upTo(5)) {
      await bus.publish("dhcp.v1.event.lab.ack", { mac: `00:16:3e:00:00:0${number}`, ip: `10.0.0.${number}` })
    }
    await bus.settled()
    const [row] = await database.query<{ count: string }>("SELECT count(*) AS count FROM reservations")
    assert.strictEqual(row?.count, "5")
    const facts = await eventually("all facts are announced", async () => {
      const all = await bus.messages("DISCOVERY")
      return all.length === 10 ? all : undefined
    })
    receiver = await startReceiver(port)
    await received(10)
    assert.deepStrictEqual(receiver.received.map(({ body }) => body), facts.map(({ body }) => body))
    assert.deepStrictEqual(await deadLetters(), [])
  })

  it("posts the types that are wanted, from when it was switched on", async () => {
    await announce(1)
    await startWebhook({ REGISTRY_WEBHOOK_TYPES: "system.renamed,server.*" })
    await announce(2)
    await announce(3, "system.renamed")
    await announce(4, "reservation.created")
    await announce(5, "server.failed")
    await received(2)
    await settled()
    assert.deepStrictEqual(numbers(), [3, 5])
    assert.deepStrictEqual(await deadLetters(), [])
  })

  it("goes on when its consumer was removed", async () => {
    await startWebhook()
    await announce(1)
    await received(1)
    const manager = await bus.client.jetstreamManager()
    await manager.consumers.delete("DISCOVERY", "webhook")
    await eventually("the consumer is there again", async () => {
      const { num_waiting } = await manager.consumers.info("DISCOVERY", "webhook")
      return num_waiting > 0 ? true : undefined
    })
    await announce(2)
    await received(2)
    assert.deepStrictEqual(numbers(), [1, 2])
  })

  it("does not start with a URL that it cannot post to", async () => {
    const problem = await startWebhook({ REGISTRY_WEBHOOK_URL: "ftp://127.0.0.1/secret" }).then(() => "", String)
    assert.include(problem, "REGISTRY_WEBHOOK_URL is not an http or https URL")
    assert.notInclude(problem, "secret")
  })

  it("is not there without a URL", async () => {
    await startWebhook({ REGISTRY_WEBHOOK_URL: "" })
    await announce(1)
    const consumers = await (await bus.client.jetstreamManager()).consumers.list("DISCOVERY").next()
    assert.deepStrictEqual(consumers, [])
    assert.deepStrictEqual(receiver.received, [])
  })
})
