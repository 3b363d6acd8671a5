/** The bucket `policies`, and the same policies through the API, with two replicas. */
import { type Nats, startNats } from "@leasehold/devstack"
import { eventually, eventuallyHolds } from "@leasehold/devstack/test"
import { type KV, Kvm } from "@nats-io/kv"
import { connect } from "@nats-io/transport-node"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { type GrpcClient, grpcClient } from "../api/grpcClient.ts"
import { type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"
import { type Bus, connectBus, type Running, startRegistry } from "../RunningRegistry.ts"

let database: RegistryDatabase
let nats: Nats
let bus: Bus
let bucket: KV
let client: GrpcClient
let replicas: ReadonlyArray<Running>
beforeAll(async () => {
  ;[nats, database] = await Promise.all([startNats(), registryDatabase()])
  const urls = { database: database.url, nats: nats.url }
  await database.query("INSERT INTO subnets (cidr, name) VALUES ('10.0.0.0/24', 'Office'), ('10.1.0.0/24', 'Guests')")
  replicas = await Promise.all([startRegistry(urls), startRegistry(urls)])
  bus = await connectBus(nats.url)
  bucket = await new Kvm(bus.connection).open("policies")
  client = grpcClient(replicas[0]?.api ?? "")
})
afterAll(async () => {
  client?.close()
  await bus?.close()
  await Promise.all((replicas ?? []).map((replica) => replica.stop()))
  await nats?.stop()
  await database?.close()
})
beforeEach(async () => {
  await database.query("DELETE FROM naming_policies WHERE subnet_id IS NOT NULL")
  await database.query("UPDATE naming_policies SET pattern = 'host-{mac:6}', forbidden = '{}', conflict = 'first-wins'")
  const [row] = await database.query<{ revision: string }>("SELECT revision::text FROM naming_policies")
  await eventuallyHolds(
    "the default policy is mirrored",
    () => valueOf("default"),
    (value) => value?.["revision"] === row?.revision
  )
  await eventually("nothing but the default policy is there", async () => {
    const entry = await bucket.get("subnet.10-0-0-0-24")
    return entry === null || entry.operation !== "PUT" ? true : undefined
  })
})

const valueOf = async (key: string): Promise<Readonly<Record<string, unknown>> | undefined> => {
  const entry = await bucket.get(key)
  return entry === null || entry.operation !== "PUT" ? undefined : entry.json<Record<string, unknown>>()
}
/** Waits until the bucket shows a policy with this pattern. */
const mirrored = (key: string, pattern: string) =>
  eventuallyHolds(
    `${key} has the pattern ${pattern}`,
    () => valueOf(key),
    (value) => value?.["pattern"] === pattern && value["revision"] !== undefined
  )
const pattern = async (subnet = "") => {
  const { policy } = await client.call("PolicyService/GetPolicy", { subnet })
  return JSON.parse(JSON.stringify(policy)).pattern
}

describe("the bucket of naming policies", () => {
  it("shows what was set through the API, and forgets what was removed", async () => {
    await client.call("PolicyService/UpdatePolicy", {
      policy: { subnet: "Office", pattern: "desk-{seq}", forbidden: ["Android"], conflict: "NAME_CONFLICT_REJECT" },
      updateMask: { paths: ["pattern", "forbidden", "conflict"] }
    })
    const value = await mirrored("subnet.10-0-0-0-24", "desk-{seq}")
    assert.deepInclude(value, {
      subnet: "10.0.0.0/24",
      forbidden: ["android"],
      conflict: "NAME_CONFLICT_REJECT",
      clientNames: true,
      domain: ""
    })
    await client.call("PolicyService/DeletePolicy", { subnet: "10.0.0.0/24" })
    await eventually(
      "the key is gone",
      async () => (await valueOf("subnet.10-0-0-0-24")) === undefined ? true : undefined
    )
  })

  it("takes a policy that somebody writes, in part too, and shows the whole of it", async () => {
    await bucket.put("default", JSON.stringify({ pattern: "dev-{mac:6}", conflict: "last-wins" }))
    const value = await mirrored("default", "dev-{mac:6}")
    assert.deepInclude(value, { conflict: "NAME_CONFLICT_LAST_WINS", clientNames: true })
    assert.strictEqual(await pattern(), "dev-{mac:6}")
    await bucket.put("subnet.10-0-0-0-24", JSON.stringify({ pattern: "desk-{mac:6}" }))
    await mirrored("subnet.10-0-0-0-24", "desk-{mac:6}")
    assert.strictEqual(await pattern("Office"), "desk-{mac:6}")
    const log = await database.query(
      "SELECT DISTINCT actor FROM change_log WHERE entity = 'naming-policy' AND actor <> 'api'"
    )
    assert.deepInclude(log, { actor: "nats" })
  })

  it("takes one that was read, edited and written back, but not over a later one", async () => {
    const read = await mirrored("default", "host-{mac:6}")
    await bucket.put("default", JSON.stringify({ ...read, pattern: "one-{mac:6}" }))
    await eventuallyHolds(
      "it is taken",
      () => valueOf("default"),
      (value) => value?.["revision"] !== read?.["revision"]
    )
    await bucket.put("default", JSON.stringify({ ...read, pattern: "two-{mac:6}" }))
    await mirrored("default", "one-{mac:6}")
    assert.strictEqual(await pattern(), "one-{mac:6}")
  })

  it("has the truth again where somebody wrote what cannot be, and the stream REJECTED says why, once", async () => {
    const before = (await bus.messages("REJECTED")).length
    const bad: ReadonlyArray<readonly [key: string, value: string]> = [
      ["default", JSON.stringify({ pattern: "x-{evil}" })],
      ["default", "{"],
      ["default", JSON.stringify({ patern: "x" })],
      ["subnet.10-9-0-0-24", JSON.stringify({ pattern: "x-{mac}" })],
      ["default", JSON.stringify({ forbidden: ["a b\u001b[31m"] })]
    ]
    for (const [index, [key, value]] of bad.entries()) {
      await bucket.put(key, value)
      await eventually(
        `${value} is refused`,
        async () => (await bus.messages("REJECTED")).length === before + index + 1 ? true : undefined
      )
      if (key === "default") await mirrored("default", "host-{mac:6}")
      else await eventually("the key is gone", async () => (await valueOf(key)) === undefined ? true : undefined)
    }
    const reasons = (await bus.messages("REJECTED")).slice(before).map(({ header }) => [
      header("Leasehold-Subject"),
      header("Leasehold-Field")
    ])
    assert.deepStrictEqual(reasons, [
      ["$KV.policies.default", "policy.pattern"],
      ["$KV.policies.default", "body"],
      ["$KV.policies.default", "body"],
      ["$KV.policies.subnet.10-9-0-0-24", "key"],
      ["$KV.policies.default", "policy.forbidden"]
    ])
    assert.strictEqual(await pattern(), "host-{mac:6}")
  })

  it("is made anew when it was removed, and a removed key comes back", async () => {
    await bucket.delete("default")
    await mirrored("default", "host-{mac:6}")
    await bucket.destroy()
    await database.query("UPDATE naming_policies SET pattern = 'new-{mac:6}'")
    await mirrored("default", "new-{mac:6}")
  })

  it("comes to rest: replicas that agree write nothing", async () => {
    await database.query("UPDATE naming_policies SET pattern = 'calm-{mac:6}'")
    await mirrored("default", "calm-{mac:6}")
    const { streamInfo: { state } } = await bucket.status()
    await database.query("NOTIFY policies")
    await database.query("NOTIFY policies")
    // Heard after the wake-ups above by whoever would write again.
    await bucket.put("subnet.10-1-0-0-24", JSON.stringify({ pattern: "guest-{mac:6}" }))
    await mirrored("subnet.10-1-0-0-24", "guest-{mac:6}")
    const after = (await bucket.status()).streamInfo.state
    assert.strictEqual(after.last_seq - state.last_seq, 2, "what was written here, and what came of it")
  })
})

describe("naming policies through the API", () => {
  it("are listed, the default one first, and tried without a change", async () => {
    await bus.publish("dhcp.v1.event.lab.ack", { mac: "00:16:3e:00:00:01", ip: "10.0.0.1", hostname: "nas" })
    await eventually("the system is known", async () => (await database.query("SELECT FROM systems"))[0])
    await client.call("PolicyService/UpdatePolicy", {
      policy: { subnet: "Office", pattern: "desk-{mac:6}" },
      updateMask: { paths: ["pattern"] }
    })
    const { policies } = await client.call("PolicyService/ListPolicies")
    const listed: ReadonlyArray<{ subnet: string }> = JSON.parse(JSON.stringify(policies))
    assert.deepStrictEqual(listed.map(({ subnet }) => subnet).slice(0, 2), ["", "10.0.0.0/24"])
    const tried = await client.call("PolicyService/TestPolicy", {
      policy: { subnet: "10.0.0.0/24", clientNames: false },
      updateMask: { paths: ["client_names"] }
    })
    assert.deepInclude(tried, { changed: "1", systems: "1" })
    assert.deepStrictEqual(JSON.parse(JSON.stringify(tried["differences"])), [{
      mac: "00:16:3e:00:00:01",
      address: "10.0.0.1",
      before: "nas",
      after: "desk-000001",
      afterSource: "NAME_SOURCE_GENERATED"
    }])
    assert.deepStrictEqual(await database.query("SELECT name FROM systems"), [{ name: "nas" }])
  })

  it("are refused with the field, what is expected, and what was found", async () => {
    const refuse = (policy: object, paths: ReadonlyArray<string>) =>
      client.fail("PolicyService/UpdatePolicy", { policy, updateMask: { paths } })
    const errors = [
      await refuse({ pattern: "x-{evil}" }, ["pattern"]),
      await refuse({ forbidden: ["a b"] }, ["forbidden"]),
      await refuse({ conflict: 0 }, ["conflict"]),
      await refuse({ domain: "-x" }, ["domain"]),
      await refuse({ pattern: "x" }, ["revision"]),
      await refuse({ pattern: "x" }, []),
      await refuse({ pattern: "x", subnet: "10.9.0.0/24" }, ["pattern"])
    ]
    assert.deepStrictEqual(errors.map(({ code, details }) => [code, details.split(":")[0]]), [
      ["INVALID_ARGUMENT", "policy.pattern"],
      ["INVALID_ARGUMENT", "policy.forbidden"],
      ["INVALID_ARGUMENT", "policy.conflict"],
      ["INVALID_ARGUMENT", "policy.domain"],
      ["INVALID_ARGUMENT", "update_mask"],
      ["INVALID_ARGUMENT", "update_mask"],
      ["NOT_FOUND", "policy.subnet"]
    ])
    assert.include(errors[0]?.details, "{vendor}")
    assert.include(errors[0]?.details, "{evil}")
  })
})

it("goes on without the bucket where the registry has no right to it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "leasehold-policies-"))
  const config = join(directory, "nats.conf")
  const forbidden = `["$JS.API.STREAM.*.KV_policies", "$KV.>"]`
  await writeFile(
    config,
    `authorization { users: [ { user: registry, password: secret, permissions {
      publish: { allow: [">"], deny: ${forbidden} }, subscribe: { allow: [">"], deny: ["$KV.>"] } } } ] }`
  )
  const guarded = await startNats({ config })
  const apart = await registryDatabase()
  const running = await startRegistry(
    { database: apart.url, nats: guarded.url },
    { NATS_USER: "registry", NATS_PASSWORD: "secret" }
  )
  try {
    const connection = await connect({ servers: guarded.url, user: "registry", pass: "secret" })
    connection.publish("dhcp.v1.event.lab.discover", JSON.stringify({ mac: "00:16:3e:00:00:01" }))
    await eventually("events are applied", async () => (await apart.query("SELECT FROM systems"))[0])
    await connection.close()
  } finally {
    await running.stop()
    await apart.close()
    await guarded.stop()
    await rm(directory, { recursive: true, force: true })
  }
})
