import { eventually } from "@leasehold/devstack/test"
import { AccessService, IpamService, PolicyService, ServerService, WatcherService } from "@leasehold/registry-api"
import { Health } from "@leasehold/registry-api/gen/grpc/health/v1/health_pb"
import { ServerReflection } from "@leasehold/registry-api/gen/grpc/reflection/v1/reflection_pb"
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { neededScope } from "../../src/api/access/methodScopes.ts"
import { type Scope, scopes } from "../../src/api/Caller.ts"
import { CallError, type CallOptions, type GrpcClient, grpcClient, type Message } from "./grpcClient.ts"
import { type ServedRegistry, serveRegistry } from "./ServedRegistry.ts"

const main = new URL("../../src/main.ts", import.meta.url).pathname
const run = promisify(execFile)
const services = [WatcherService, IpamService, PolicyService, ServerService, AccessService, Health, ServerReflection]

let served: ServedRegistry
let client: GrpcClient
let administrator: CallOptions
beforeAll(async () => {
  served = await serveRegistry({ REGISTRY_API_TOKENS: "required" })
  client = served.client
  const { stdout } = await run(process.execPath, [main, "token", "create", "first"], {
    env: { ...process.env, DATABASE_URL: served.database.url }
  })
  administrator = bearer(stdout.trim())
})
afterAll(() => served?.stop())

const bearer = (secret: string): CallOptions => ({ metadata: { authorization: `Bearer ${secret}` } })
const create = async (name: string, scope: Scope, more: object = {}) => {
  const answer = await client.call(
    "AccessService/CreateToken",
    { name, scope: `SCOPE_${scope.toUpperCase()}`, ...more },
    administrator
  )
  return bearer(String(answer["secret"]))
}

/** What becomes of a call with an empty request: the code of its error, or OK. */
const outcome = async (method: string, isStream: boolean, options: CallOptions): Promise<string> => {
  try {
    if (!isStream) {
      await client.call(method, {}, options)
      return "OK"
    }
    const watch = client.watch(method, {}, options)
    for await (const _ of watch) break
    watch.cancel()
    return "OK"
  } catch (error) {
    if (error instanceof CallError) return error.code
    throw error
  }
}

describe("authorisation", () => {
  it("lets each scope do what the table says, and nobody else anything, for every method", async () => {
    const credentials = new Map<string, CallOptions>([
      ["none", {}],
      ["unknown", bearer(`lh_${"A".repeat(43)}`)],
      ["malformed", { metadata: { authorization: "Basic YWRtaW46YWRtaW4=" } }],
      ["a caller's own word", { metadata: { "leasehold-actor": "root" } }],
      ["expired", await create("expired", "administer", { expiresAt: { seconds: "4102444800" } })],
      ["revoked", await create("revoked", "administer")]
    ])
    for (const scope of scopes) credentials.set(scope, await create(scope, scope))
    await served.database.query("UPDATE api_tokens SET expires_at = now() - interval '1 second' WHERE name = 'expired'")
    await client.call("AccessService/RevokeToken", { key: "revoked" }, administrator)

    const wrong: Array<string> = []
    for (const service of services) {
      for (const method of service.methods) {
        const needed = neededScope(method)
        for (const [who, options] of credentials) {
          const name = `${service.typeName}/${method.name}`
          const code = await outcome(
            name,
            method.methodKind.endsWith("streaming") && method.methodKind !== "client_streaming",
            options
          )
          const has = scopes.findIndex((scope) => scope === who)
          const expected = needed === "nobody-in-particular"
            ? "passed"
            : has < 0
            ? "UNAUTHENTICATED"
            : needed === undefined || has < scopes.indexOf(needed)
            ? "PERMISSION_DENIED"
            : "passed"
          const actual = code === "UNAUTHENTICATED" || code === "PERMISSION_DENIED" ? code : "passed"
          if (actual !== expected || code === "INTERNAL") wrong.push(`${name} with ${who}: ${code}, not ${expected}`)
        }
      }
    }
    assert.deepStrictEqual(wrong, [])
  })

  it("asks for no more than read where nothing is changed, and for more wherever something is", () => {
    const asks = /^(?:get|list|watch|explain|test|check|export|whoAmI|serverReflection)/u
    for (const service of services.filter((one) => one !== Health)) {
      for (const method of service.methods) {
        const isSecret = service === AccessService && method.localName !== "whoAmI"
        const needed = neededScope(method)
        if (asks.test(method.localName) && !isSecret) assert.strictEqual(needed, "read", method.name)
        else assert.notStrictEqual(needed ?? "read", "read", method.name)
      }
    }
  })

  it("lets nobody take back what it may not do", async () => {
    const operator = await create("operator", "operate")
    const reservation = { macs: ["00:16:3e:00:00:01"], address: "10.0.0.9", name: "scanner" }
    const { change: hers } = await client.call("IpamService/CreateReservation", { reservation }, operator)
    await client.call("IpamService/UndoChange", { id: hers }, operator)
    const subnet = { cidr: "10.9.0.0/24", name: "attic" }
    const changes = [
      await client.call("IpamService/CreateSubnet", { subnet }, administrator),
      await client.call("PolicyService/UpdatePolicy", {
        policy: { pattern: "x-{mac:6}" },
        updateMask: { paths: ["pattern"] }
      }, administrator)
    ]
    const { token } = await client.call("AccessService/RevokeToken", { key: "operator" }, administrator)
    assert.isOk(token)
    const another = await create("another", "operate")
    const rows = await served.database.query<{ change: string }>(
      "SELECT change FROM change_log WHERE entity = 'token' ORDER BY id"
    )
    for (const { change } of [...changes, ...rows]) {
      assert.strictEqual(
        (await client.fail("IpamService/UndoChange", { id: change }, another)).code,
        "PERMISSION_DENIED"
      )
    }
    await client.call("IpamService/UndoChange", { id: changes[0]?.["change"] }, administrator)
  })

  it("says what is missing", async () => {
    const without = await client.fail("AccessService/WhoAmI")
    assert.match(without.details, /expected the header authorization: Bearer lh_/u)
    const few = await client.fail("IpamService/CreateSubnet", {}, await create("reader", "read"))
    assert.strictEqual(few.details, "CreateSubnet needs the scope administer; token:reader has read")
  })
})

describe("tokens", () => {
  it("have 256 random bits, of which only the hash is kept", async () => {
    const { metadata = {} } = await create("kept", "read")
    const secret = String(metadata["authorization"]).slice("Bearer ".length)
    assert.match(secret, /^lh_[A-Za-z0-9_-]{43}$/u)
    const rows = await served.database.query<{ hash: string; row: string }>(
      "SELECT encode(hash, 'hex') AS hash, to_jsonb(t)::text AS row FROM api_tokens t WHERE name = 'kept'"
    )
    assert.deepStrictEqual(rows.map(({ hash }) => hash), [createHash("sha256").update(secret).digest("hex")])
    const logged = await served.database.query<{ row: string }>("SELECT to_jsonb(c)::text AS row FROM change_log c")
    for (const { row } of [...rows, ...logged]) assert.notInclude(row, secret)
    assert.isFalse(logged.some(({ row }) => row.includes(createHash("sha256").update(secret).digest("hex"))))
  })

  it("count until they are revoked, at once here and within seconds on another replica", async () => {
    const replica = await served.another({ REGISTRY_API_TOKENS: "required" })
    const other = grpcClient(replica.api)
    const options = await create("leaver", "read")
    for (const one of [client, other]) {
      assert.deepInclude(await one.call("AccessService/WhoAmI", {}, options), {
        actor: "token:leaver",
        scope: "SCOPE_READ"
      })
    }
    const { token } = await client.call("AccessService/RevokeToken", { key: "leaver" }, administrator)
    assert.deepInclude(token, { name: "leaver" })
    assert.strictEqual((await client.fail("AccessService/WhoAmI", {}, options)).code, "UNAUTHENTICATED")
    const begun = performance.now()
    await eventually("the other replica knows", async () => {
      const answer = await other.call("AccessService/WhoAmI", {}, options).catch((error: unknown) => error)
      return answer instanceof CallError && answer.code === "UNAUTHENTICATED" ? true : undefined
    })
    assert.isBelow(performance.now() - begun, 30_000)
    other.close()
  })

  it("tell when they were used last, and are listed without their secrets", async () => {
    const options = await create("used", "read")
    await client.call("AccessService/WhoAmI", {}, options)
    const { tokens } = await client.call("AccessService/ListTokens", {}, administrator)
    assert.isArray(tokens)
    const listed: ReadonlyArray<Message> = Array.isArray(tokens) ? tokens : []
    const used = listed.find(({ name }) => name === "used")
    assert.isNotNull(used?.["lastUsedAt"])
    assert.isNull(listed.find(({ name }) => name === "kept")?.["lastUsedAt"])
    assert.notInclude(JSON.stringify(tokens), "lh_")
  })

  it("are refused with a name that is taken, empty or no name, and without a scope", async () => {
    const refused = (request: object) => client.fail("AccessService/CreateToken", request, administrator)
    assert.strictEqual((await refused({ name: "first", scope: "SCOPE_READ" })).code, "ALREADY_EXISTS")
    for (const name of ["", "a b", "x\u001b[2Jy", "n".repeat(64)]) {
      assert.strictEqual((await refused({ name, scope: "SCOPE_READ" })).code, "INVALID_ARGUMENT", name)
    }
    assert.match((await refused({ name: "scopeless" })).details, /^scope: /u)
    const past = await refused({ name: "late", scope: "SCOPE_READ", expiresAt: { seconds: "1" } })
    assert.match(past.details, /^expires_at: expected a time to come/u)
  })

  it("cannot be guessed through other headers, other cases, or a list of them", async () => {
    const { metadata = {} } = await create("exact", "administer")
    const secret = String(metadata["authorization"]).slice("Bearer ".length)
    const others = [
      { authorization: secret },
      { authorization: `Bearer ${secret.toLowerCase()}` },
      { authorization: `Bearer ${secret}, Bearer ${secret}` },
      { authorization: `Bearer ${secret}A` },
      { cookie: `authorization=Bearer ${secret}` },
      { "x-authorization": `Bearer ${secret}` }
    ]
    for (const metadata of others) {
      assert.strictEqual((await client.fail("AccessService/WhoAmI", {}, { metadata })).code, "UNAUTHENTICATED")
    }
  })
})

it("a token is made without the API only where the database lets it be, and the program says what is wrong", async () => {
  const failure = async (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) => {
    const error: unknown = await run(process.execPath, [main, ...args], { env: { ...process.env, ...env } }).catch((
      e
    ) => e)
    assert.instanceOf(error, Error)
    return { stdout: String(Reflect.get(error, "stdout")), stderr: String(Reflect.get(error, "stderr")) }
  }
  const taken = await failure(["token", "create", "first"], { DATABASE_URL: served.database.url })
  assert.deepStrictEqual(taken, { stdout: "", stderr: "name: another token has this name; revoke it first\n" })
  const away = await failure(["token", "create", "second"], { DATABASE_URL: "postgres://nobody@127.0.0.1:1/nothing" })
  assert.include(away.stderr, "ECONNREFUSED")
})
