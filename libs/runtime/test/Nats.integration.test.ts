import { assert, describe, it } from "@effect/vitest"
import { type Nats as Server, startNats } from "@leasehold/devstack"
import { jetstreamManager } from "@nats-io/jetstream"
import { connect, type NatsConnection, nkeys } from "@nats-io/transport-node"
import { ConfigProvider, Effect, Fiber, Layer, Logger, Queue, type Scope, Stream } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { configProblem, Nats, NatsConfig, presence } from "../src/index.ts"

const server = Effect.acquireRelease(
  Effect.promise(() => startNats()),
  (nats: Server) => Effect.promise(() => nats.stop())
)

/** One whose configuration can be changed while it runs. */
const configured = Effect.fnUntraced(function*(text: string) {
  const directory = mkdtempSync(join(tmpdir(), "leasehold-nats-"))
  yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(directory, { recursive: true, force: true })))
  const config = join(directory, "nats.conf")
  writeFileSync(config, text)
  const { pid, url } = yield* Effect.acquireRelease(
    Effect.promise(() => startNats({ config })),
    (nats) => Effect.promise(() => nats.stop())
  )
  const become = (text: string) =>
    Effect.sync(() => {
      writeFileSync(config, text)
      process.kill(pid, "SIGHUP")
    })
  return { become, directory, url }
})

/** What is logged, in its order. */
const recorded = Effect.map(Queue.unbounded<string>(), (told) => ({
  told,
  log: Logger.layer([Logger.make(({ message }) => void Queue.offerUnsafe(told, JSON.stringify(message)))])
}))

const withNats = <A, E>(env: Record<string, string>, use: Effect.Effect<A, E, Nats | Scope.Scope>) =>
  use.pipe(
    Effect.provide(Nats.layer("test").pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))))),
    Effect.scoped
  )

const connection = (url: string, options: object = {}) =>
  Effect.acquireRelease(
    Effect.promise(() => connect({ servers: url, ...options })),
    (one: NatsConnection) => Effect.promise(() => one.close())
  )

const streamNames = Effect.gen(function*() {
  const { manager } = yield* Nats
  const streams = yield* Effect.promise(() => manager.streams.list().next())
  return streams.map((stream) => stream.config.name).toSorted()
})

describe("Nats", () => {
  it.live("creates the streams, however many apps start at once", () =>
    Effect.gen(function*() {
      const { url } = yield* server
      const found = yield* Effect.all(Array.from({ length: 4 }, () => withNats({ NATS_SERVERS: url }, streamNames)), {
        concurrency: "unbounded"
      })
      for (const names of found) assert.deepStrictEqual(names, ["DHCP", "DISCOVERY", "REJECTED"])
    }))

  it.live("brings limits up to date and leaves the operator's replicas and storage alone", () =>
    Effect.gen(function*() {
      const { url } = yield* server
      const nats = yield* connection(url)
      const manager = yield* Effect.promise(() => jetstreamManager(nats))
      yield* Effect.promise(() =>
        manager.streams.add({ name: "DHCP", subjects: ["dhcp.v1.event.>"], storage: "memory" })
      )
      const info = yield* withNats(
        { NATS_SERVERS: url },
        Effect.flatMap(Nats, ({ manager }) => Effect.promise(() => manager.streams.info("DHCP")))
      )
      assert.deepStrictEqual(info.config.subjects, ["dhcp.v1.event.*.*"])
      assert.strictEqual(info.config.storage, "memory")
      assert.strictEqual(info.config.duplicate_window, 600_000_000_000)
    }))

  it.live("waits for a server that is not there yet", () =>
    Effect.gen(function*() {
      const first = yield* Effect.promise(() => startNats())
      yield* Effect.promise(() => first.stop())
      const { log, told } = yield* recorded
      const names = yield* withNats({ NATS_SERVERS: first.url }, streamNames).pipe(
        Effect.provide(log),
        Effect.forkChild
      )
      assert.match(String((yield* Queue.takeN(told, 2)).at(1)), /^\["cannot connect to nats, trying again"/u)
      yield* Effect.acquireRelease(
        Effect.promise(() => startNats({ port: first.port })),
        (nats) => Effect.promise(() => nats.stop())
      )
      assert.strictEqual((yield* Fiber.join(names)).length, 3)
    }))

  it.live("goes on after its password was wrong for a while, and says each thing once", () =>
    Effect.gen(function*() {
      const account = (password: string) => `authorization { user: app, password: ${password} }`
      const { become, url } = yield* configured(account("one"))
      const { log, told } = yield* recorded
      yield* withNats(
        { NATS_SERVERS: url, NATS_USER: "app", NATS_PASSWORD: "one" },
        Effect.gen(function*() {
          const { connection, health, manager } = yield* Nats
          yield* health
          const turns = yield* presence(connection).pipe(Stream.take(2), Stream.runCollect, Effect.forkChild)
          const refusals = connection.status()
          yield* become(account("two"))
          yield* Stream.fromAsyncIterable(refusals, (cause) => cause).pipe(
            Stream.filter(({ type }) => type === "error"),
            Stream.take(4),
            Stream.runDrain
          )
          assert.strictEqual(yield* Effect.flip(health), "nats: Authorization Violation")
          yield* become(account("one"))
          assert.deepStrictEqual(yield* Fiber.join(turns), ["lost", "back"])
          yield* health
          yield* Effect.promise(() => manager.streams.info("DHCP"))
        })
      ).pipe(Effect.provide(log))
      assert.deepStrictEqual((yield* Queue.takeAll(told)).map((message) => /^\["([^"]+)/u.exec(message)?.[1]), [
        "connecting to nats",
        "connected to nats",
        "lost nats",
        "nats turns us away, trying again",
        "back at nats"
      ])
    }))

  it.live("comes back with credentials that were rotated, and keeps the old ones while there are no good ones", () =>
    Effect.gen(function*() {
      const [before, after] = [nkeys.createUser(), nkeys.createUser()]
      const only = (user: typeof before) => `authorization { users: [{ nkey: ${user.getPublicKey()} }] }`
      const credentials = (user: typeof before) =>
        `-----BEGIN NATS USER JWT-----\nnone\n------END NATS USER JWT------\n
-----BEGIN USER NKEY SEED-----\n${new TextDecoder().decode(user.getSeed())}\n------END USER NKEY SEED------\n`
      const { become, directory, url } = yield* configured(only(before))
      const file = join(directory, "app.creds")
      writeFileSync(file, credentials(before))
      yield* withNats(
        { NATS_SERVERS: url, NATS_CREDS: file },
        Effect.gen(function*() {
          const { connection, manager } = yield* Nats
          const turns = yield* Stream.toQueue(presence(connection), { capacity: "unbounded" })
          writeFileSync(file, "half of it")
          yield* Effect.promise(() => connection.reconnect())
          assert.deepStrictEqual(yield* Queue.takeN(turns, 2), ["lost", "back"])
          writeFileSync(file, credentials(after))
          yield* become(only(after))
          assert.deepStrictEqual(yield* Queue.takeN(turns, 2), ["lost", "back"])
          yield* Effect.promise(() => manager.streams.info("DHCP"))
        })
      )
    }))

  it.live("goes to a server that was away when it connected to another", () =>
    Effect.gen(function*() {
      const [first, second] = yield* Effect.promise(() => Promise.all([startNats(), startNats()]))
      yield* Effect.addFinalizer(() => Effect.promise(() => second.stop()))
      yield* Effect.promise(() => first.stop())
      yield* withNats(
        { NATS_SERVERS: `${first.url},${second.url}` },
        Effect.gen(function*() {
          const { connection } = yield* Nats
          const turns = yield* Stream.toQueue(presence(connection), { capacity: "unbounded" })
          yield* Effect.acquireRelease(
            Effect.promise(() => startNats({ port: first.port })),
            (nats) => Effect.promise(() => nats.stop())
          )
          yield* Effect.promise(() => second.stop())
          assert.deepStrictEqual(yield* Queue.takeN(turns, 2), ["lost", "back"])
          assert.strictEqual(connection.getServer(), `127.0.0.1:${first.port}`)
        })
      )
    }))

  it.live("says that its connection ended for good", () =>
    Effect.gen(function*() {
      const { url } = yield* server
      const error = yield* withNats(
        { NATS_SERVERS: url },
        Effect.flatMap(Nats, ({ closed, connection }) =>
          Effect.andThen(Effect.promise(() => connection.close()), Effect.flip(closed)))
      )
      assert.strictEqual(error.operation, "stay connected")
    }))

  it.live("says once why it cannot connect, and connects when it can", () =>
    Effect.gen(function*() {
      const account = (password: string) => `authorization { user: app, password: ${password} }`
      const { become, url } = yield* configured(account("two"))
      const { log, told } = yield* recorded
      const connecting = yield* withNats({ NATS_SERVERS: url, NATS_USER: "app", NATS_PASSWORD: "one" }, streamNames)
        .pipe(
          Effect.provide(log),
          Effect.forkChild
        )
      assert.match(yield* Queue.take(told), /^\["connecting to nats"/u)
      assert.strictEqual(
        yield* Queue.take(told),
        `["cannot connect to nats, trying again",{"problem":"Authorization Violation"}]`
      )
      yield* become(account("one"))
      assert.lengthOf(yield* Fiber.join(connecting), 3)
      assert.match(yield* Queue.take(told), /^\["connected to nats"/u)
    }))

  it.live("says once why there is no JetStream", () =>
    Effect.gen(function*() {
      const { url } = yield* configured(`accounts { A: { users: [{ user: app, password: p }] } }`)
      const { log, told } = yield* recorded
      const connecting = yield* withNats({ NATS_SERVERS: url, NATS_USER: "app", NATS_PASSWORD: "p" }, streamNames).pipe(
        Effect.provide(log),
        Effect.forkChild
      )
      const [, , why] = yield* Queue.takeN(told, 3)
      assert.match(String(why), /^\["cannot open jetstream, trying again",\{"problem":"jetstream not enabled/iu)
      yield* Fiber.interrupt(connecting)
    }))
})

describe("the settings of NATS", () => {
  const problemOf = (env: Record<string, string>) =>
    Effect.gen(function*() {
      const { problem, variable } = configProblem(yield* Effect.flip(NatsConfig))
      return `${variable} ${problem}`
    }).pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))))

  it.effect("are refused with the name of the variable and the reason", () =>
    Effect.gen(function*() {
      const nowhere = "cannot be used: ENOENT: no such file or directory, open '/nonexistent'"
      assert.strictEqual(yield* problemOf({ NATS_TLS_CA: "/nonexistent" }), `NATS_TLS_CA ${nowhere}`)
      assert.strictEqual(yield* problemOf({ NATS_CREDS: "/nonexistent" }), `NATS_CREDS ${nowhere}`)
      assert.strictEqual(
        yield* problemOf({ NATS_CREDS: import.meta.filename }),
        "NATS_CREDS cannot be used: unable to parse credentials"
      )
      for (const replicas of ["0", "6", "1.5", "many"]) {
        assert.match(yield* problemOf({ NATS_REPLICAS: replicas }), /^NATS_REPLICAS is not a (whole|string)/u)
      }
    }))
})
