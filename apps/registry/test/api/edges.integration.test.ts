import { createClient } from "@connectrpc/connect"
import { createConnectTransport } from "@connectrpc/connect-node"
import { credentials as grpcCredentials } from "@grpc/grpc-js"
import { WatcherService } from "@leasehold/registry-api"
import { startNats } from "@leasehold/devstack"
import { eventually } from "@leasehold/devstack/test"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { gzipSync } from "node:zlib"
import pg from "pg"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { startRegistry } from "../RunningRegistry.ts"
import { CallError, grpcClient } from "./grpcClient.ts"
import { type ServedRegistry, serveRegistry } from "./ServedRegistry.ts"

const directory = mkdtempSync(join(tmpdir(), "leasehold-api-"))
const path = (name: string) => join(directory, name)

let served: ServedRegistry
beforeAll(async () => {
  const openssl = (...args: ReadonlyArray<string>) => execFileSync("openssl", args, { cwd: directory, stdio: "pipe" })
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
  openssl(
    "req",
    "-x509",
    ...key,
    "-keyout",
    "key.pem",
    "-out",
    "cert.pem",
    "-days",
    "2",
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost,IP:127.0.0.1"
  )
  for (const [ca, clients] of [["ca", ["noc", "no name"]], ["other", ["stranger"]]] as const) {
    openssl("req", "-x509", ...key, "-keyout", `${ca}.key`, "-out", `${ca}.pem`, "-days", "2", "-subj", `/CN=${ca}`)
    for (const client of clients) {
      const file = client.replace(" ", "-")
      openssl("req", ...key, "-keyout", `${file}.key`, "-out", `${file}.csr`, "-subj", `/CN=${client}`)
      openssl(
        "x509",
        "-req",
        "-in",
        `${file}.csr`,
        "-CA",
        `${ca}.pem`,
        "-CAkey",
        `${ca}.key`,
        "-CAcreateserial",
        "-days",
        "2",
        "-out",
        `${file}.pem`
      )
    }
  }
  served = await serveRegistry()
})
afterAll(async () => {
  await served?.stop()
  rmSync(directory, { recursive: true })
})

const tls = () => ({
  // Loopback in a spelling that is not taken for it: what others could reach, without letting them.
  REGISTRY_API_HOST: "127.1",
  REGISTRY_API_TLS_CERT: path("cert.pem"),
  REGISTRY_API_TLS_KEY: path("key.pem"),
  REGISTRY_API_CLIENT_CA: path("ca.pem")
})

describe("off loopback", () => {
  const refusal = async (env: Readonly<Record<string, string>>): Promise<string> => {
    const started = await startRegistry({ database: served.database.url, nats: served.nats.url }, env).catch(
      (error: unknown) => error
    )
    if (started instanceof Error) return started.message
    assert.fail("it started")
  }

  it("the registry does not start without TLS, and says in one sentence what to do", async () => {
    for (const host of ["0.0.0.0", "::", "192.0.2.1", "registry.example.org"]) {
      assert.strictEqual(
        await refusal({ REGISTRY_API_HOST: host }),
        `the API is to listen on ${host}, where others can reach it: set REGISTRY_API_TLS_CERT and REGISTRY_API_TLS_KEY, or REGISTRY_API_HOST to 127.0.0.1`
      )
    }
  })

  it("nor with half of what TLS needs, a file that is not there, or a port that is taken", async () => {
    const { REGISTRY_API_TLS_KEY: _, ...half } = tls()
    assert.include(await refusal(half), "are needed both")
    assert.include(await refusal({ REGISTRY_API_CLIENT_CA: path("ca.pem") }), "REGISTRY_API_CLIENT_CA needs")
    assert.match(
      await refusal({ ...tls(), REGISTRY_API_TLS_KEY: path("none") }),
      /^REGISTRY_API_TLS_KEY cannot be read/u
    )
    assert.match(await refusal({ ...tls(), REGISTRY_API_TLS_KEY: path("noc.key") }), /^the API cannot listen on /u)
    const { port } = new URL(served.registry.api)
    assert.match(await refusal({ REGISTRY_API_PORT: port }), /EADDRINUSE.*REGISTRY_API_PORT/u)
  })

  it("believes tokens and certificates that its CA signed, and nobody's word", async () => {
    const { api } = await served.another({ ...tls(), REGISTRY_API_CERTIFICATE_SCOPE: "read" })
    const url = api.replace("127.1", "localhost")
    assert.match(url, /^https:/u)
    const ca = readFileSync(path("cert.pem"))
    const clientOf = (name?: string) =>
      grpcClient(
        url,
        name === undefined
          ? grpcCredentials.createSsl(ca)
          : grpcCredentials.createSsl(ca, readFileSync(path(`${name}.key`)), readFileSync(path(`${name}.pem`)))
      )
    const whoAmI = async (name?: string, metadata?: Readonly<Record<string, string>>) => {
      const client = clientOf(name)
      try {
        return await client.call("AccessService/WhoAmI", {}, metadata === undefined ? {} : { metadata })
      } catch (error) {
        if (error instanceof CallError) return error.code
        throw error
      } finally {
        client.close()
      }
    }
    assert.deepInclude(await whoAmI("noc"), { actor: "certificate:noc", scope: "SCOPE_READ" })
    assert.strictEqual(await whoAmI(), "UNAUTHENTICATED")
    assert.strictEqual(await whoAmI("stranger"), "UNAUTHENTICATED")
    assert.strictEqual(await whoAmI("no-name"), "UNAUTHENTICATED")
    assert.strictEqual(await whoAmI(undefined, { "leasehold-actor": "root" }), "UNAUTHENTICATED")
    const { secret } = await served.client.call("AccessService/CreateToken", { name: "far", scope: "SCOPE_OPERATE" })
    const authorization = `Bearer ${String(secret)}`
    assert.deepInclude(await whoAmI(undefined, { authorization }), { actor: "token:far", scope: "SCOPE_OPERATE" })
    assert.deepInclude(await whoAmI("noc", { authorization }), { actor: "token:far" })

    const json = createClient(
      WatcherService,
      createConnectTransport({ baseUrl: url, httpVersion: "1.1", nodeOptions: { ca } })
    )
    assert.deepStrictEqual((await json.listSystems({}, { headers: { authorization } })).systems, [])
    const plain = grpcClient(url.replace("https:", "http:"))
    assert.strictEqual((await plain.fail("AccessService/WhoAmI", {}, { deadline: 2_000 })).code, "UNAVAILABLE")
    plain.close()
  })
})

describe("on loopback", () => {
  it("callers are who they say they are, where nobody demands more", async () => {
    const whoAmI = (metadata: Readonly<Record<string, string>>) =>
      served.client.call("AccessService/WhoAmI", {}, { metadata })
    assert.deepInclude(await whoAmI({}), { actor: "local", scope: "SCOPE_ADMINISTER" })
    assert.deepInclude(await whoAmI({ "leasehold-actor": "alice" }), { actor: "local:alice" })
    for (const actor of ["token:first", "a b", "x".repeat(64), "-", "é"]) {
      const refused = await served.client.fail("AccessService/WhoAmI", {}, {
        metadata: { "leasehold-actor": encodeURI(actor) }
      })
      assert.strictEqual(refused.code, "INVALID_ARGUMENT", actor)
    }
    const refused = await served.client.fail("AccessService/WhoAmI", {}, {
      metadata: { authorization: `Bearer lh_${"A".repeat(43)}` }
    })
    assert.strictEqual(refused.code, "UNAUTHENTICATED")
  })
})

it("tells that it cannot serve while something that it needs is away", async () => {
  const nats = await startNats()
  const alone = await startRegistry({ database: served.database.url, nats: nats.url })
  const client = grpcClient(alone.api)
  const watch = client.watch("grpc.health.v1.Health/Watch")
  assert.deepInclude((await watch.until(() => true))[0], { status: "SERVING" })
  await nats.stop()
  await watch.until(({ status }) => status === "NOT_SERVING")
  assert.deepInclude(await client.call("grpc.health.v1.Health/Check"), { status: "NOT_SERVING" })
  // What does not need it is answered all the same; what does says that it is away.
  await client.call("WatcherService/ListSystems")
  const begun = performance.now()
  const error: unknown = await client.watch("WatcherService/WatchSystems").until(() => true).catch((error: unknown) =>
    error
  )
  assert.strictEqual(error instanceof CallError ? error.code : "", "UNAVAILABLE")
  assert.isBelow(performance.now() - begun, 30_000)
  watch.cancel()
  client.close()
  const ending = performance.now()
  await alone.stop()
  assert.isBelow(performance.now() - ending, 15_000)
})

describe("what is too large", () => {
  const post = (body: string | Uint8Array<ArrayBuffer>, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${served.registry.api}/leasehold.v1.WatcherService/GetSystem`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json", ...headers }
    })

  it("is refused, and what is just not is answered", async () => {
    const request = (size: number) => JSON.stringify({ key: "k".repeat(size) })
    assert.strictEqual((await post(request(5 * 1024 * 1024))).status, 429)
    assert.strictEqual((await post(request(4 * 1024 * 1024 - 100))).status, 404)
    const grpc = await served.client.fail("WatcherService/GetSystem", { key: "k".repeat(5 * 1024 * 1024) })
    assert.strictEqual(grpc.code, "RESOURCE_EXHAUSTED")
  })

  it("is not unpacked: a bomb of gzip costs no more than the limit", async () => {
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(200 * 1024 * 1024, " ")))
    assert.isBelow(bomb.length, 1024 * 1024)
    const before = process.memoryUsage().arrayBuffers
    const answers = await Promise.all(Array.from({ length: 5 }, () => post(bomb, { "content-encoding": "gzip" })))
    assert.deepStrictEqual(answers.map(({ status }) => status), [429, 429, 429, 429, 429])
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 100 * 1024 * 1024)
    assert.strictEqual(
      (await post(new Uint8Array(gzipSync("{\"key\":\"x\"}")), { "content-encoding": "gzip" })).status,
      404
    )
    assert.strictEqual((await post("not gzip", { "content-encoding": "gzip" })).status, 400)
  })

  it("is refused in depth too: a message within a message within a message", async () => {
    const deep = `${"{\"filter\":".repeat(20_000)}{}${"}".repeat(20_000)}`
    assert.strictEqual((await post(deep)).status, 400)
  })
})

const waitingHere = `
  SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database
  WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted`

it("ends in order: a call that is under way is answered, and a new one goes elsewhere", async () => {
  const mac = "00:16:3e:00:00:0b"
  await served.client.call("WatcherService/RegisterSystem", { mac, server: "lab" })
  const leaving = await served.another()
  const client = grpcClient(leaving.api)
  const writer = new pg.Client({ connectionString: served.database.url })
  await writer.connect()
  await writer.query("BEGIN; SELECT take_writer_lock()")
  const call = client.call("WatcherService/UpdateSystem", { mac, name: "underway" })
  await eventually(
    "the call waits for its turn",
    async () => (await served.database.query(waitingHere))[0]
  )
  const stopped = leaving.stop()
  await sleep(20)
  await writer.end()
  assert.strictEqual(Reflect.get(Object((await call)["system"]), "name"), "underway")
  await stopped
  assert.strictEqual((await client.fail("AccessService/WhoAmI", {}, { deadline: 2_000 })).code, "UNAVAILABLE")
  client.close()
})

it("ends within two seconds: watchers hear that it goes away, and keep a token to go on with elsewhere", async () => {
  await served.client.call("WatcherService/RegisterSystem", {
    mac: "00:16:3e:00:00:09",
    server: "lab",
    address: "10.0.0.9"
  })
  const leaving = await served.another()
  const client = grpcClient(leaving.api)
  const watch = client.watch("WatcherService/WatchSystems")
  const health = client.watch("grpc.health.v1.Health/Watch")
  const end = (await watch.until(({ change }) => change === "SYSTEM_CHANGE_SNAPSHOT_END")).at(-1)
  const ended = watch.until(() => false).catch((error: unknown) => error)
  await health.until(() => true)
  await sleep(20)
  const begun = performance.now()
  await leaving.stop()
  assert.isBelow(performance.now() - begun, 15_000)
  const error = await ended
  assert.instanceOf(error, CallError)
  assert.strictEqual(error instanceof CallError ? error.code : "", "UNAVAILABLE")
  client.close()

  await served.client.call("WatcherService/UpdateSystem", { mac: "00:16:3e:00:00:09", name: "meanwhile" })
  const resumed = served.client.watch("WatcherService/WatchSystems", { resumeToken: end?.["resumeToken"] })
  const changes = await resumed.until(({ change }) => change === "SYSTEM_CHANGE_RENAMED")
  resumed.cancel()
  assert.isFalse(changes.some(({ change }) => change === "SYSTEM_CHANGE_SNAPSHOT"))
})
