import { assert, describe, it, layer } from "@effect/vitest"
import { freshDatabase, startPostgres } from "@leasehold/devstack"
import { ConfigProvider, Context, Effect, Fiber, Layer, Logger, Queue, Stream } from "effect"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inject } from "vitest"
import { type Heard, Postgres } from "../src/index.ts"

const TestLayer = Layer.unwrap(Effect.gen(function*() {
  const url = yield* Effect.promise(() => freshDatabase(inject("pgUrl")))
  return Postgres.layer("postgres").pipe(
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { DATABASE_URL: url } })))
  )
}))

/** Takes connections on a port, and drops them: as whoever stands before a server that does not run. */
const dropping = Effect.fnUntraced(function*(port: number) {
  const tries = yield* Queue.unbounded<void>()
  yield* Effect.acquireRelease(
    Effect.promise(() =>
      new Promise<Server>((resolve) => {
        const server = createServer((socket) => {
          Queue.offerUnsafe(tries, undefined)
          socket.on("error", () => undefined).destroy()
        }).listen(port, "127.0.0.1", () => resolve(server))
      })
    ),
    (server) => Effect.promise(() => new Promise((resolve) => server.close(resolve)))
  )
  return tries
})

const postgresAt = (url: string) =>
  Effect.map(
    Layer.build(
      Postgres.layer("postgres").pipe(
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { DATABASE_URL: url } })))
      )
    ),
    Context.get(Postgres)
  )

describe("a listener of PostgreSQL that is away", () => {
  it.live("says so once, listens by one connection when it is there, and ends at any time", () =>
    Effect.gen(function*() {
      const directory = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "leasehold-runtime-"))),
        (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
      )
      const dir = join(directory, "data")
      const before = yield* Effect.promise(() => startPostgres({ dir }))
      yield* Effect.promise(() => before.stop())
      const postgres = yield* postgresAt(before.url)
      const said: Array<string> = []
      const log = Logger.layer([Logger.make(({ message }) => void said.push(String([message].flat()[0])))])
      const listening = Effect.fnUntraced(function*() {
        const heard = yield* Queue.unbounded<Heard>()
        const fiber = yield* postgres.listen("render").pipe(
          Stream.runForEach((one) => Queue.offer(heard, one)),
          Effect.provide(log),
          Effect.forkChild
        )
        return { heard, end: Fiber.interrupt(fiber) }
      })

      const { heard } = yield* Effect.scoped(Effect.gen(function*() {
        const tries = yield* dropping(before.port)
        const ended = yield* listening()
        yield* Queue.takeN(tries, 3)
        yield* ended.end
        const kept = yield* listening()
        yield* Queue.takeN(tries, 6)
        return kept
      }))
      assert.deepStrictEqual(said, Array.from({ length: 2 }, () => "cannot listen to postgres, trying again"))

      yield* Effect.acquireRelease(
        Effect.promise(() => startPostgres({ dir, port: before.port })),
        (server) => Effect.promise(() => server.stop())
      )
      assert.deepStrictEqual(yield* Queue.take(heard), { type: "connected" })
      yield* postgres.query("NOTIFY render, 'lab'")
      assert.deepStrictEqual(yield* Queue.take(heard), { type: "notified", payload: "lab" })
      const sessions = yield* postgres.query("SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
      assert.lengthOf(sessions, 1)
    }))
})

layer(TestLayer, { timeout: "60 seconds", excludeTestServices: true })("Postgres", (it) => {
  it.effect("gives as text what JavaScript would spoil", () =>
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const [row] = yield* postgres.query<Record<string, unknown>>(
        "SELECT 9007199254740993::int8 AS big, '52:54:00:12:34:56'::macaddr AS mac, '2026-11-22T03:50:23.055763Z'::timestamptz AS at"
      )
      assert.deepStrictEqual(row, {
        big: "9007199254740993",
        mac: "52:54:00:12:34:56",
        at: "2026-11-22 03:50:23.055763+00"
      })
    }))

  it.effect("keeps nothing of a transaction that failed, whichever way", () =>
    Effect.gen(function*() {
      const postgres = yield* Postgres
      yield* postgres.query("CREATE TABLE kept (n int PRIMARY KEY)")
      const insert = (n: number, then: Effect.Effect<unknown, unknown>) =>
        Effect.exit(
          postgres.transaction((client) => Effect.andThen(client.query("INSERT INTO kept VALUES ($1)", [n]), then))
        )
      yield* insert(1, Effect.void)
      yield* insert(2, Effect.fail("no"))
      yield* insert(3, Effect.die("broken"))
      yield* insert(4, Effect.interrupt)
      const duplicate = yield* Effect.flip(
        postgres.transaction((client) => client.query("INSERT INTO kept VALUES (1)"))
      )
      assert.strictEqual(duplicate.code, "23505")
      assert.deepStrictEqual(yield* postgres.query("SELECT n FROM kept"), [{ n: 1 }])
    }))

  it.effect("hears notifications, and says when some may have been missed", () =>
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const heard = yield* Queue.unbounded<Heard>()
      const fiber = yield* postgres.listen("render").pipe(
        Stream.runForEach((one) => Queue.offer(heard, one)),
        Effect.forkChild
      )
      assert.deepStrictEqual(yield* Queue.take(heard), { type: "connected" })
      yield* postgres.query("NOTIFY render, 'lab'")
      assert.deepStrictEqual(yield* Queue.take(heard), { type: "notified", payload: "lab" })
      yield* postgres.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
      )
      assert.deepStrictEqual(yield* Queue.take(heard), { type: "connected" })
      yield* postgres.query("NOTIFY render, 'shop'")
      assert.deepStrictEqual(yield* Queue.take(heard), { type: "notified", payload: "shop" })
      yield* Fiber.interrupt(fiber)
    }))
})
