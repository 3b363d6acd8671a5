import { assert, describe, it } from "@effect/vitest"
import { type Nats as Server, startNats } from "@leasehold/devstack"
import { jetstreamManager } from "@nats-io/jetstream"
import { connect, type NatsConnection } from "@nats-io/transport-node"
import { ConfigProvider, Effect, Fiber, Layer } from "effect"
import { Nats } from "../src/index.ts"

const server = Effect.acquireRelease(
  Effect.promise(() => startNats()),
  (nats: Server) => Effect.promise(() => nats.stop())
)

const withNats = <A, E>(env: Record<string, string>, use: Effect.Effect<A, E, Nats>) =>
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
      const names = yield* withNats({ NATS_SERVERS: first.url }, streamNames).pipe(Effect.forkChild)
      yield* Effect.sleep("400 millis")
      yield* Effect.acquireRelease(Effect.promise(() => startNats({ port: first.port })), (nats) =>
        Effect.promise(() => nats.stop()))
      assert.strictEqual((yield* Fiber.join(names)).length, 3)
    }))
})
