import { createClient, type Transport } from "@connectrpc/connect"
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node"
import { eventually } from "@leasehold/devstack/test"
import { WatcherService } from "@leasehold/registry-api"
import { execFile } from "node:child_process"
import { request } from "node:http"
import { connect } from "node:http2"
import { promisify } from "node:util"
import pg from "pg"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { grpcClient, type Message } from "./grpcClient.ts"
import { type ServedRegistry, serveRegistry } from "./ServedRegistry.ts"

const run = promisify(execFile)
const root = new URL("../../../../", import.meta.url).pathname
const buf = `${root}node_modules/.bin/buf`

let served: ServedRegistry
beforeAll(async () => {
  served = await serveRegistry({ REGISTRY_API_ORIGINS: "https://dashboard.example.org" })
  await served.client.call("WatcherService/RegisterSystem", {
    mac: "00:16:3e:00:00:07",
    server: "lab",
    address: "10.0.0.7",
    clientName: "nas"
  })
})
afterAll(() => served?.stop())

const url = (method: string) => `${served.registry.api}/leasehold.v1.${method}`
const post = (method: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
  fetch(url(method), { method: "POST", body, headers: { "content-type": "application/json", ...headers } })

describe("one port", () => {
  it("answers curl with JSON over HTTP/1.1 and HTTP/2, with the status of the error", async () => {
    const curl = async (...args: ReadonlyArray<string>) =>
      (await run("curl", [
        "-sS",
        "-w",
        "\n%{http_version} %{http_code}",
        "-H",
        "content-type: application/json",
        ...args
      ])).stdout.split("\n")
    for (const [version, shown] of [["--http1.1", "1.1"], ["--http2-prior-knowledge", "2"]] as const) {
      const [body = "", status] = await curl(version, "-d", `{"key":"nas"}`, url("WatcherService/GetSystem"))
      const answer: unknown = JSON.parse(body)
      assert.nestedInclude(answer, { "system.mac": "00:16:3e:00:00:07", "system.nameSource": "NAME_SOURCE_CLIENT" })
      assert.strictEqual(status, `${shown} 200`)
      const [missing = "", notFound] = await curl(version, "-d", `{"key":"toaster"}`, url("WatcherService/GetSystem"))
      assert.nestedInclude(JSON.parse(missing), { code: "not_found" })
      assert.strictEqual(notFound, `${shown} 404`)
    }
  })

  it("answers the library's own clients of gRPC, gRPC-Web and Connect, over both HTTPs", async () => {
    const { api: baseUrl } = served.registry
    const transports: ReadonlyArray<Transport> = [
      createGrpcTransport({ baseUrl }),
      createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
      createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
      createConnectTransport({ baseUrl, httpVersion: "1.1" }),
      createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true })
    ]
    for (const transport of transports) {
      const { system } = await createClient(WatcherService, transport).getSystem({ key: "10.0.0.7" })
      assert.strictEqual(system?.name, "nas")
      const watched: Array<string> = []
      for await (const { system } of createClient(WatcherService, transport).watchSystems({})) {
        if (system === undefined) break
        watched.push(system.mac)
      }
      assert.deepStrictEqual(watched, ["00:16:3e:00:00:07"])
    }
  })

  it("answers gRPC-Web framed by hand", async () => {
    // WhoAmIRequest is empty: a frame of no bytes.
    const answer = await fetch(url("AccessService/WhoAmI"), {
      method: "POST",
      headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
      body: new Uint8Array(5)
    })
    const bytes = Buffer.from(await answer.arrayBuffer())
    const length = bytes.readUInt32BE(1)
    assert.strictEqual(bytes[0], 0)
    assert.include(bytes.subarray(5, 5 + length).toString("latin1"), "local")
    assert.strictEqual(bytes[5 + length], 0x80)
    assert.match(bytes.subarray(10 + length).toString("latin1"), /grpc-status: 0/iu)
  })

  it("tells buf curl what it serves, so that it can list and call without files", async () => {
    const options = ["--http2-prior-knowledge", "--protocol", "grpc"]
    const listed = await run(buf, ["curl", ...options, "--list-methods", served.registry.api])
    assert.include(listed.stdout, "leasehold.v1.WatcherService/WatchSystems")
    assert.lengthOf(listed.stdout.trim().split("\n"), 41)
    const called = await run(buf, ["curl", ...options, "-d", `{"key":"nas"}`, url("WatcherService/GetSystem")])
    assert.nestedInclude(JSON.parse(called.stdout), { "system.address": "10.0.0.7" })
  })

  it("answers questions about symbols, files and what it does not know", async () => {
    const ask = async (request: object) => {
      const watch = served.client.watch("grpc.reflection.v1.ServerReflection/ServerReflectionInfo", request)
      for await (const answer of watch) return answer
      return {}
    }
    for (
      const request of [
        { fileContainingSymbol: "leasehold.v1.System" },
        { fileContainingSymbol: "leasehold.v1.WatcherService.GetSystem" },
        { fileByFilename: "google/protobuf/timestamp.proto" }
      ]
    ) {
      const answer: Message = await ask(request)
      assert.isNotEmpty(Reflect.get(Object(answer["fileDescriptorResponse"]), "fileDescriptorProto"))
    }
    const unknown: Message = await ask({ fileContainingSymbol: "leasehold.v1.Secret" })
    assert.deepInclude(unknown["errorResponse"], { errorCode: 5 })
  })

  it("tells its health, of all and of each service", async () => {
    for (const service of ["", "leasehold.v1.WatcherService", "grpc.health.v1.Health"]) {
      assert.deepInclude(await served.client.call("grpc.health.v1.Health/Check", { service }), { status: "SERVING" })
    }
    const unknown = await served.client.fail("grpc.health.v1.Health/Check", { service: "leasehold.v1.Nothing" })
    assert.strictEqual(unknown.code, "NOT_FOUND")
    const watch = served.client.watch("grpc.health.v1.Health/Watch")
    const [first] = await watch.until(() => true)
    watch.cancel()
    assert.deepInclude(first, { status: "SERVING" })
  })
})

describe("web pages", () => {
  it("may call where their origin is allowed, and are told so beforehand", async () => {
    const origin = "https://dashboard.example.org"
    const before = await fetch(url("WatcherService/GetSystem"), {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type" }
    })
    assert.strictEqual(before.status, 204)
    assert.strictEqual(before.headers.get("access-control-allow-origin"), origin)
    assert.match(before.headers.get("access-control-allow-headers") ?? "", /content-type/iu)
    const answer = await post("WatcherService/GetSystem", `{"key":"nas"}`, { origin })
    assert.strictEqual(answer.status, 200)
    assert.strictEqual(answer.headers.get("access-control-allow-origin"), origin)
  })

  it("may not call from anywhere else, and not without asking before", async () => {
    for (
      const origin of [
        "https://evil.example.org",
        "http://localhost:3000",
        "null",
        "https://dashboard.example.org.evil"
      ]
    ) {
      const answer = await post("AccessService/CreateToken", `{"name":"evil","scope":"SCOPE_ADMINISTER"}`, { origin })
      assert.strictEqual(answer.status, 403, origin)
      assert.isNull(answer.headers.get("access-control-allow-origin"))
    }
    // What a page may send without asking: simple requests.
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]) {
      const answer = await post("AccessService/CreateToken", `{"name":"evil","scope":"SCOPE_READ"}`, {
        "content-type": type
      })
      assert.isAtLeast(answer.status, 400, type)
    }
    const read = await fetch(`${url("AccessService/ListTokens")}?encoding=json&message=%7B%7D&connect=v1`)
    assert.strictEqual(read.status, 405)
    assert.deepStrictEqual(await served.database.query("SELECT FROM api_tokens"), [])
  })

  it("may not call under a name of their own that leads to this machine", async () => {
    const { port } = new URL(served.registry.api)
    const ask = (host: string) =>
      new Promise<number>((resolve, reject) => {
        const call = request({
          host: "127.0.0.1",
          port,
          method: "POST",
          path: "/leasehold.v1.AccessService/WhoAmI",
          headers: { host, "content-type": "application/json" }
        }, (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        })
        call.once("error", reject)
        call.end("{}")
      })
    for (
      const host of ["evil.example.org", `evil.example.org:${port}`, "127.0.0.1.evil.example.org", "localhost.evil"]
    ) {
      assert.strictEqual(await ask(host), 403, host)
    }
    for (const host of ["localhost", `127.0.0.1:${port}`, "127.0.0.2", `[::1]:${port}`, "LOCALHOST"]) {
      assert.strictEqual(await ask(host), 200, host)
    }
  })
})

describe("JSON", () => {
  const refusals: ReadonlyArray<readonly [method: string, body: string, said: RegExp]> = [
    ["IpamService/DeleteReservation", `{"key":"10.1.0.9","dryrun":true}`, /key "dryrun" is unknown/u],
    [
      "IpamService/CreateSubnet",
      `{"subnet":{"cidr":"10.9.0.0/24","policy":"AUTO"}}`,
      /subnet\.policy: expected SUBNET_POLICY_AUTO or SUBNET_POLICY_MANUAL, got "AUTO"/u
    ],
    [
      "IpamService/ListReservations",
      `{"filter":{"sources":["RESERVATION_SOURCE_AUTO","ADMIN"]}}`,
      /filter\.sources\[1\]: expected RESERVATION_SOURCE_ADMINISTRATOR, \w+ or \w+, got "ADMIN"/u
    ],
    [
      "PolicyService/UpdatePolicy",
      `{"policy":{"conflict":false},"update_mask":"conflict"}`,
      /policy\.conflict: expected NAME_CONFLICT_FIRST_WINS, .*, got false/u
    ],
    [
      "AccessService/CreateToken",
      `{"name":"t","scope":"\\u001b[31mroot"}`,
      /scope: expected SCOPE_READ, .*, got "\\+u001b\[31mroot"/u
    ]
  ]

  it("is refused where it names a field or a value that there is not, and nothing is done", async () => {
    await post("IpamService/CreateReservation", `{"reservation":{"macs":["00:16:3e:00:00:09"],"address":"10.1.0.9"}}`)
    for (const [method, body, said] of refusals) {
      const answer = await post(method, body)
      const error: unknown = await answer.json()
      assert.strictEqual(answer.status, 400, body)
      assert.propertyVal(error, "code", "invalid_argument")
      assert.match(String(Reflect.get(Object(error), "message")), said)
      if (/expected/u.test(said.source)) assert.nestedInclude(error, { "details[0].type": "google.rpc.BadRequest" })
    }
    const kept = await served.client.call("IpamService/GetReservation", { key: "10.1.0.9" })
    assert.nestedInclude(kept, { "reservation.address": "10.1.0.9" })
  })

  it("is refused so in gRPC-Web too, and in streams", async () => {
    const stream = [
      "IpamService/ImportReservations",
      `{"mode":"REPLACE"}`,
      /mode: expected IMPORT_MODE_ADD, .* got "REPLACE"/u
    ] as const
    for (const [method, body, said] of [...refusals, stream]) {
      const framed = Buffer.concat([Buffer.alloc(5), Buffer.from(body)])
      framed.writeUInt32BE(body.length, 1)
      const answer = await fetch(url(method), {
        method: "POST",
        headers: { "content-type": "application/grpc-web+json", "x-grpc-web": "1" },
        body: framed
      })
      const text = `${answer.headers.get("grpc-message") ?? ""}${await answer.text()}`
      assert.match(`${answer.headers.get("grpc-status") ?? ""}${text}`, /^3|grpc-status: 3/u, text)
      assert.match(decodeURIComponent(text.replaceAll(/[^ -~]/gu, "")), said)
    }
  })
})

describe("JSON that is refused at length", () => {
  it("is so in gRPC too, with a message that fits into a trailer", async () => {
    const session = connect(served.registry.api)
    try {
      for (const length of [100, 100_000, 3_000_000]) {
        const body = Buffer.from(JSON.stringify({ ["ü".repeat(length / 2)]: 1 }))
        const framed = Buffer.concat([Buffer.alloc(5), body])
        framed.writeUInt32BE(body.length, 1)
        const trailers = await new Promise<object>((resolve, reject) => {
          const call = session.request({
            ":method": "POST",
            ":path": "/leasehold.v1.WatcherService/GetSystem",
            "content-type": "application/grpc+json",
            te: "trailers"
          })
          call.on("trailers", resolve)
          call.on("error", reject)
          call.on("close", () => reject(new Error("it ended without trailers")))
          call.resume()
          call.end(framed)
        })
        assert.strictEqual(Reflect.get(trailers, "grpc-status"), "3", String(length))
        assert.include(decodeURIComponent(String(Reflect.get(trailers, "grpc-message"))), `key "üü`)
      }
    } finally {
      session.close()
    }
  })
})

describe("errors", () => {
  it("repeat nothing that turns or hides text", async () => {
    const { details } = await served.client.fail("WatcherService/RegisterSystem", {
      mac: "\u061c\u200b\u200e\u202e\u2061\u2066\ufeff",
      server: "lab"
    })
    assert.match(details, /got "\uFFFD{7}"$/u)
  })

  it("name the field, in words and as a detail", async () => {
    const { details } = await served.client.fail("WatcherService/RegisterSystem", { mac: "00:16:3e", server: "lab" })
    assert.strictEqual(
      details,
      `mac: expected a MAC address of six octets such as 52:54:00:12:34:56, which is neither all zeros nor broadcast, got "00:16:3e"`
    )
    const answer: unknown = await (await post("WatcherService/RegisterSystem", `{"mac":"x","server":"lab"}`)).json()
    assert.nestedPropertyVal(answer, "details[0].debug.fieldViolations[0].field", "mac")
  })

  it("tell nothing of what went wrong inside", async () => {
    await served.database.query("ALTER TABLE address_history RENAME TO elsewhere")
    const request = { mac: "00:16:3e:00:00:07" }
    const grpc = await served.client.fail("WatcherService/ExplainSystem", request)
    const json = await (await post("WatcherService/ExplainSystem", JSON.stringify(request))).text()
    await served.database.query("ALTER TABLE elsewhere RENAME TO address_history")
    assert.strictEqual(grpc.code, "INTERNAL")
    for (const text of [grpc.details, json]) {
      assert.include(text, "something went wrong in the registry")
      assert.notMatch(text, /address_history|at \w|\.ts/u)
    }
  })

  it("end a call at its caller's deadline", async () => {
    const other = new pg.Client({ connectionString: served.database.url })
    await other.connect()
    await other.query("BEGIN; SELECT take_writer_lock()")
    try {
      const begun = performance.now()
      const late = await served.client.fail(
        "WatcherService/UpdateSystem",
        { mac: "00:16:3e:00:00:07", name: "late" },
        { deadline: 300 }
      )
      assert.strictEqual(late.code, "DEADLINE_EXCEEDED")
      assert.isBelow(performance.now() - begun, 15_000)
    } finally {
      await other.end()
    }
  })

  it("answer 404 to what is no method, and UNIMPLEMENTED to what is no method of a service", async () => {
    assert.strictEqual((await fetch(`${served.registry.api}/`)).status, 404)
    assert.strictEqual((await post("WatcherService/DropSystems", "{}")).status, 404)
  })
})

it("keeps nothing open for callers that are gone", async () => {
  const before = await served.bus.client.streams.get("DISCOVERY").then((stream) => stream.info())
  const client = grpcClient(served.registry.api)
  const watches = Array.from({ length: 20 }, () => client.watch("WatcherService/WatchSystems"))
  await Promise.all(watches.map((watch) => watch.until(({ change }) => change === "SYSTEM_CHANGE_SNAPSHOT_END")))
  watches.forEach((watch) => watch.cancel())
  client.close()
  await eventually("their consumers are gone", async () => {
    const { state } = await (await served.bus.client.streams.get("DISCOVERY")).info()
    return state.consumer_count <= before.state.consumer_count ? true : undefined
  })
})
