import { type Nats, startNats } from "@leasehold/devstack"
import { eventually } from "@leasehold/devstack/test"
import { InjectionReply } from "@leasehold/events"
import { Schema } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"
import { type Bus, connectBus, type Running, startRegistry } from "../RunningRegistry.ts"

let nats: Nats
let bus: Bus
let database: RegistryDatabase
let registries: ReadonlyArray<Running>
beforeAll(async () => {
  nats = await startNats()
  database = await registryDatabase()
  const urls = { database: database.url, nats: nats.url }
  registries = await Promise.all([startRegistry(urls), startRegistry(urls)])
  bus = await connectBus(nats.url)
})
afterAll(async () => {
  await bus?.close()
  await Promise.all((registries ?? []).map((registry) => registry.stop()))
  await database?.close()
  await nats?.stop()
})

const plain = (value: unknown): unknown => value

const request = async (server: string, body: string) => {
  const answer = await bus.connection.request(`dhcp.v1.inject.${server}`, body, { timeout: 5_000 })
  return {
    reply: Schema.decodeUnknownSync(InjectionReply)(answer.json()),
    code: answer.headers?.get("Nats-Service-Error-Code") ?? ""
  }
}

describe("a request to inject an event", () => {
  it("is answered with the event's sequence, and the event is applied", async () => {
    const { code, reply } = await request(
      "lab",
      "{\"kind\":\"ack\",\"mac\":\"00-16-3E-00-00-01\",\"ip\":\"10.0.0.7\",\"hostname\":\"nas\",\"nonsense\":1}"
    )
    if (!reply.accepted) throw new Error("refused")
    assert.deepStrictEqual(
      { ...reply, code },
      {
        accepted: true,
        id: `seq-${String(reply.seq).padStart(16, "0")}`,
        seq: reply.seq,
        duplicate: false,
        ignored: ["nonsense"],
        code: ""
      }
    )
    await bus.settled()
    assert.deepStrictEqual(await database.query("SELECT mac::text, name, server FROM systems"), [
      { mac: "00:16:3e:00:00:01", name: "nas", server: "lab" }
    ])
  })

  it("with an id is taken once", async () => {
    const body = "{\"kind\":\"discover\",\"id\":\"mine\",\"mac\":\"00:16:3e:00:00:02\"}"
    const [first, second] = [await request("lab", body), await request("lab", body)]
    const { seq } = { seq: 0, ...first.reply }
    assert.deepStrictEqual(plain(first.reply), { accepted: true, id: "mine", seq, duplicate: false })
    assert.deepStrictEqual(plain(second.reply), { accepted: true, id: "mine", seq, duplicate: true })
  })

  for (
    const [what, server, body, field] of [
      ["without an address", "lab", "{\"kind\":\"ack\",\"mac\":\"00:16:3e:00:00:03\"}", "ip"],
      ["of an unknown kind", "lab", "{\"kind\":\"nonsense\"}", "kind"],
      ["that is no object", "lab", "[]", "body"],
      ["that is no JSON", "lab", "\u001b[31mred", "body"],
      ["for something that is no server", "LAB", "{\"kind\":\"discover\",\"mac\":\"00:16:3e:00:00:03\"}", "subject"],
      [
        "that names another server",
        "lab",
        "{\"kind\":\"discover\",\"server\":\"annex\",\"mac\":\"00:16:3e:00:00:03\"}",
        "server"
      ],
      [
        "from the future",
        "lab",
        "{\"kind\":\"discover\",\"at\":\"2150-01-01T00:00:00Z\",\"mac\":\"00:16:3e:00:00:03\"}",
        "at"
      ],
      ["that is too large", "lab", `{"kind":"discover","mac":"00:16:3e:00:00:03","x":"${"x".repeat(70_000)}"}`, "body"]
    ] as const
  ) {
    it(`${what} is refused by field, and recorded`, async () => {
      const before = (await bus.messages("REJECTED")).length
      const { code, reply } = await request(server, body)
      if (reply.accepted) throw new Error("accepted")
      assert.strictEqual(reply.error.field, field)
      assert.strictEqual(code, "400")
      // Who asks is answered first.
      const rejected = await eventually("it is recorded", async () => (await bus.messages("REJECTED"))[before])
      assert.strictEqual(rejected.body, body)
      assert.strictEqual(rejected.header("Leasehold-Field"), field)
      assert.strictEqual(rejected.header("Leasehold-Subject"), `dhcp.v1.inject.${server}`)
    })
  }

  it("is served by all replicas together, as a service that can be found and counted", async () => {
    const ask = async (subject: string) => {
      const answers: Array<Record<string, unknown>> = []
      for await (const answer of await bus.connection.requestMany(subject, "", { maxWait: 300 }))
        answers.push(answer.json())
      return answers
    }
    const pings = await ask("$SRV.PING.leasehold-inject")
    assert.lengthOf(pings, 2)
    const stats = await ask("$SRV.STATS.leasehold-inject")
    const served = stats.flatMap(({ endpoints }) => Array.isArray(endpoints) ? endpoints : [])
      .reduce((sum: number, endpoint: { num_requests?: number }) => sum + (endpoint.num_requests ?? 0), 0)
    assert.isAtLeast(served, 11)
    const [info] = await ask("$SRV.INFO.leasehold-inject")
    assert.include(JSON.stringify(info), "dhcp.v1.inject.*")
  })
})
