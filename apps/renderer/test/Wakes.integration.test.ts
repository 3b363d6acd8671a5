import { Postgres } from "@leasehold/runtime"
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Fiber, Layer } from "effect"
import { RendererConfig } from "../src/RendererConfig.ts"
import { Wakes } from "../src/Wakes.ts"
import { eventually } from "./besideDnsmasq.ts"
import { confIn, type Environment, environment } from "./configured.ts"
import { testDatabase } from "./testDatabase.ts"

/** Awake, connected, and quiet; from then on only what a test does wakes it. */
const listening = Effect.fnUntraced(function*(env: Environment = {}) {
  const database = yield* testDatabase
  const layer = Wakes.layer.pipe(
    Layer.provide(Postgres.layer("renderer", 1)),
    Layer.provide(RendererConfig.layer),
    Layer.provide(environment({ ...confIn("/x/01.conf"), RENDERER_POLL: "1 hour", DATABASE_URL: database.url, ...env }))
  )
  const wakes = Context.get(yield* Layer.build(layer), Wakes)
  yield* wakes.next
  const listener = "datname = current_database() AND query LIKE 'LISTEN%'"
  const listeners = database.query(`SELECT FROM pg_stat_activity WHERE ${listener} AND state = 'idle'`)
  yield* eventually("it listens", listeners, (found) => found.length > 0)
  yield* Effect.timeoutOption(wakes.next, "500 millis")
  const notify = (server: string) => database.query("SELECT pg_notify('render', $1)", [server])
  return { database, wakes, notify, listener }
})

const wakesWithin = (wakes: Context.Service.Shape<typeof Wakes>, time: Duration.Input) =>
  Effect.map(Effect.timeoutOption(wakes.next, time), (woken) => woken._tag === "Some")

describe("the wakes of a renderer", () => {
  it.live("come with a notification of its server, and with no other", () =>
    Effect.gen(function*() {
      const { notify, wakes } = yield* listening()
      yield* notify("another")
      assert.isFalse(yield* wakesWithin(wakes, "300 millis"))
      yield* notify("lab")
      assert.isTrue(yield* wakesWithin(wakes, "30 seconds"))
      assert.isFalse(yield* wakesWithin(wakes, "200 millis"))
    }))

  it.live("come when the connection is there again, because what was notified meanwhile is lost", () =>
    Effect.gen(function*() {
      const { database, listener, wakes } = yield* listening()
      const woken = yield* Effect.forkChild(wakesWithin(wakes, "30 seconds"))
      const ended = yield* database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${listener}`)
      assert.isAtLeast(ended.length, 1)
      assert.isTrue(yield* Fiber.join(woken))
    }))

  it.live("come after a time without any other reason", () =>
    Effect.gen(function*() {
      const { wakes } = yield* listening({ RENDERER_POLL: "700 millis" })
      assert.isTrue(yield* wakesWithin(wakes, "30 seconds"))
      assert.isTrue(yield* wakesWithin(wakes, "30 seconds"))
    }))

  it.live("are one for many in a row, after a quiet time, but not later than the limit", () =>
    Effect.gen(function*() {
      const { notify, wakes } = yield* listening({
        RENDERER_DEBOUNCE: "600 millis",
        RENDERER_DEBOUNCE_MAX: "1200 millis"
      })
      const noisy = yield* Effect.forkChild(Effect.forever(Effect.andThen(notify("lab"), Effect.sleep("20 millis"))))
      const [took] = yield* Effect.timed(wakes.next)
      // More than one quiet time, though on a busy machine even this noise may pause for as long as that.
      assert.isAtLeast(Duration.toMillis(took), 620)
      assert.isAtMost(Duration.toMillis(took), 10_000)
      yield* Fiber.interrupt(noisy)
      yield* Effect.timeoutOption(wakes.next, "2 seconds")

      for (let round = 0; round < 5; round++) yield* notify("lab")
      const [short] = yield* Effect.timed(wakes.next)
      assert.isAtLeast(Duration.toMillis(short), 500)
      assert.isFalse(yield* wakesWithin(wakes, "800 millis"))
    }))
})
