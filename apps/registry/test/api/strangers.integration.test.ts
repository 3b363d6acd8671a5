import { eventuallyHolds } from "@leasehold/devstack/test"
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { limits } from "../../src/api/http/limits.ts"
import { type CallOptions, grpcClient } from "./grpcClient.ts"
import { type ServedRegistry, serveRegistry } from "./ServedRegistry.ts"

let served: ServedRegistry
let guarded: string
let known: CallOptions
beforeAll(async () => {
  served = await serveRegistry()
  guarded = (await served.another({ REGISTRY_API_TOKENS: "required" })).api
  const { secret } = await served.client.call("AccessService/CreateToken", { name: "known", scope: "SCOPE_READ" })
  known = { metadata: { authorization: `Bearer ${String(secret)}` } }
})
afterAll(() => served?.stop())

const sessions: Array<ClientHttp2Session> = []
afterEach(() => sessions.splice(0).forEach((session) => session.destroy()))

/** As many as a session may have at a time. */
const perSession = 120
const emptyMessage = Buffer.alloc(5)

/** Opens so many calls, and tells the status of each when it has one; an unfinished one sends a part of its request only. */
const open = (method: string, count: number, isFinished: boolean): ReadonlyArray<ClientHttp2Stream> =>
  Array.from({ length: Math.ceil(count / perSession) }, () => {
    const session = connect(guarded)
    sessions.push(session)
    session.on("error", () => undefined)
    return Array.from({ length: perSession }, () => {
      const stream = session.request({
        ":method": "POST",
        ":path": `/${method}`,
        "content-type": "application/grpc",
        te: "trailers"
      })
      stream.on("error", () => undefined)
      if (isFinished) stream.end(emptyMessage)
      else stream.write(emptyMessage.subarray(1))
      return stream.resume()
    })
  }).flat()

describe("a thousand callers without credentials", () => {
  it.each([
    ["watch whether the registry serves", "grpc.health.v1.Health/Watch", true],
    ["ask whether it serves, and never end", "grpc.health.v1.Health/Check", false],
    ["call what they may not, and never end", "leasehold.v1.WatcherService/ListSystems", false],
    ["upload, and never end", "leasehold.v1.IpamService/ImportReservations", false]
  ])("that %s keep nobody else out", async (_, method, isFinished) => {
    const count = 10 * perSession
    const streams = open(method, count, isFinished)
    const settled = new Set<ClientHttp2Stream>()
    for (const stream of streams)
      for (const event of ["response", "close"])
        stream.once(event, () => settled.add(stream))
    const client = grpcClient(guarded)
    // All but those that have one of the few places, and wait in it.
    await eventuallyHolds("the others are settled", () => settled.size, (seen) => seen >= count - limits.strangers)
    assert.deepInclude(await client.call("WatcherService/ListSystems", {}, known), { systems: [] })
    assert.deepInclude(await client.call("grpc.health.v1.Health/Check"), { status: "SERVING" })
    client.close()
  })
})
