import { connectNodeAdapter } from "@connectrpc/connect-node"
import { once } from "node:events"
import { createServer as createHttp2Server } from "node:http2"
import { connect, createServer, type Server, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, assert, it } from "vitest"
import { Code, ConnectError, connectRegistry } from "../src/client.ts"
import { SystemChange, WatcherService } from "../src/index.ts"

const ends: Array<() => unknown> = []
afterEach(() => ends.splice(0).toReversed().forEach((end) => end()))

const listen = async (server: Pick<Server, "address" | "close" | "listen">): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()))
  ends.push(() => server.close())
  const address = server.address()
  return typeof address === "object" && address !== null ? address.port : 0
}

/** Answers one message to who watches, and waits then. */
const registry = () =>
  createHttp2Server(connectNodeAdapter({
    routes: (router) =>
      router.service(WatcherService, {
        async *watchSystems(_, { signal }) {
          yield { change: SystemChange.SNAPSHOT_END }
          if (!signal.aborted) await once(signal, "abort")
        }
      })
  }))

/** Hands everything on both ways, until it is as if the host were gone: nothing comes any more, not even an end. */
const between = async (port: number) => {
  const sockets: Array<Socket> = []
  const listening = await listen(createServer((near) => {
    const far = connect(port, "127.0.0.1")
    sockets.push(near, far)
    for (const [from, to] of [[near, far], [far, near]] as const) from.on("error", () => undefined).pipe(to)
  }))
  ends.push(() => sockets.forEach((socket) => socket.destroy()))
  return {
    port: listening,
    vanish: () => sockets.forEach((socket) => socket.unpipe().on("data", () => undefined))
  }
}

it("tells who watches that the other side has vanished without a word, and goes on watching while it is silent", async () => {
  const { port, vanish } = await between(await listen(registry()))
  const client = connectRegistry({ server: `http://127.0.0.1:${port}`, pingMillis: 1_000 })
  ends.push(() => client.close())
  const told = client.watcher.watchSystems({}, { timeoutMs: 0 })[Symbol.asyncIterator]()
  assert.strictEqual((await told.next()).value?.change, SystemChange.SNAPSHOT_END)
  const end = told.next().catch((error: unknown) => error)
  // Two questions and answers long: who is there is not given up.
  assert.strictEqual(await Promise.race([end, sleep(2_500, "goes on")]), "goes on")
  vanish()
  const error = await Promise.race([end, sleep(30_000, "nothing", { ref: false })])
  assert.instanceOf(error, ConnectError)
  assert.strictEqual(error instanceof ConnectError ? error.code : 0, Code.Unavailable)
})
