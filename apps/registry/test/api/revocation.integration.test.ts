import { createClient } from "@connectrpc/connect"
import { createGrpcTransport } from "@connectrpc/connect-node"
import { eventually } from "@leasehold/devstack/test"
import { Code, ConnectError } from "@leasehold/registry-api/client"
import { IpamService } from "@leasehold/registry-api"
import { setTimeout as sleep } from "node:timers/promises"
import pg from "pg"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { CallError, type CallOptions, type Watch } from "./grpcClient.ts"
import { type ServedRegistry, serveRegistry } from "./ServedRegistry.ts"

let served: ServedRegistry
beforeAll(async () => {
  served = await serveRegistry()
})
afterAll(() => served?.stop())

const token = async (name: string, more: object = {}): Promise<CallOptions & { readonly authorization: string }> => {
  const request = { name, scope: "SCOPE_OPERATE", ...more }
  const { secret } = await served.client.call("AccessService/CreateToken", request)
  const authorization = `Bearer ${String(secret)}`
  return { authorization, metadata: { authorization } }
}
const revoke = (key: string) => served.client.call("AccessService/RevokeToken", { key })

const watching = async (options: CallOptions): Promise<Watch> => {
  const watch = served.client.watch("WatcherService/WatchSystems", {}, options)
  await watch.until(({ change }) => change === "SYSTEM_CHANGE_SNAPSHOT_END")
  return watch
}
const end = async (watch: Watch): Promise<string> => {
  const error: unknown = await watch.until(() => false).catch((error: unknown) => error)
  return error instanceof CallError ? error.code : String(error)
}

describe("what is open while its caller", () => {
  it.concurrent("is revoked ends, and what others watch goes on", async () => {
    const [leaver, stayer] = [await token("leaver"), await token("stayer")]
    const watches = await Promise.all([leaver, leaver, stayer].map(watching))
    await revoke("leaver")
    assert.deepStrictEqual(await Promise.all(watches.slice(0, 2).map(end)), ["UNAUTHENTICATED", "UNAUTHENTICATED"])
    const mac = "00:16:3e:00:00:21"
    await served.client.call("WatcherService/RegisterSystem", { mac, server: "lab", address: "10.0.0.33" })
    await watches[2]?.until(({ change }) => change === "SYSTEM_CHANGE_DISCOVERED")
    watches[2]?.cancel()
  })

  it.concurrent("expires ends", async () => {
    const watch = await watching(await token("brief", { expiresAt: { seconds: "4102444800" } }))
    await served.database.query("UPDATE api_tokens SET expires_at = now() WHERE name = 'brief'")
    assert.strictEqual(await end(watch), "UNAUTHENTICATED")
  })

  it.concurrent("is revoked in the middle of an upload has uploaded nothing", async () => {
    const { authorization } = await token("uploader")
    const transport = createGrpcTransport({ baseUrl: served.registry.api })
    const upload = async function*() {
      yield { reservations: [{ macs: ["00:16:3e:00:00:22"], address: "10.0.0.34", name: "late" }] }
      await revoke("uploader")
      await new Promise<void>(() => undefined)
    }
    const error: unknown = await createClient(IpamService, transport)
      .importReservations(upload(), { headers: { authorization } })
      .catch((error: unknown) => error)
    assert.strictEqual(error instanceof ConnectError ? error.code : String(error), Code.Unauthenticated)
    assert.lengthOf(await served.database.query("SELECT FROM reservations WHERE name = 'late'"), 0)
  })

  it("cannot be asked about at the moment goes on", async () => {
    const watch = await watching(await token("patient"))
    await served.database.query("ALTER TABLE api_tokens RENAME TO api_tokens_away")
    // Long enough for two questions that nobody can answer.
    await sleep(7_000)
    await served.database.query("ALTER TABLE api_tokens_away RENAME TO api_tokens")
    const mac = "00:16:3e:00:00:23"
    await served.client.call("WatcherService/RegisterSystem", { mac, server: "lab", address: "10.0.0.35" })
    await watch.until(({ change }) => change === "SYSTEM_CHANGE_DISCOVERED")
    watch.cancel()
  })
})

it("a token that is revoked while it is looked up is not believed afterwards", async () => {
  const options = await token("racer")
  await served.database.query(`
    CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NULL; END $$;
    CREATE TRIGGER wait_for_test BEFORE UPDATE OF last_used_at ON api_tokens
      FOR EACH STATEMENT EXECUTE FUNCTION wait_for_test()`)
  const holder = new pg.Client({ connectionString: served.database.url })
  await holder.connect()
  await holder.query("SELECT pg_advisory_lock(4711)")
  const underWay = served.client.call("AccessService/WhoAmI", {}, options)
  await eventually(
    "the token was found, and its use is to be noted",
    async () => (await holder.query("SELECT FROM pg_locks WHERE objid = 4711 AND NOT granted")).rows[0]
  )
  await revoke("racer")
  await holder.end()
  await underWay
  await served.database.query("DROP TRIGGER wait_for_test ON api_tokens")
  assert.strictEqual((await served.client.fail("AccessService/WhoAmI", {}, options)).code, "UNAUTHENTICATED")
})
