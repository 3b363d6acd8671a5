import { describeLab } from "@leasehold/devstack/lab/test"
import { assert, it } from "@effect/vitest"
import { Cause, Context, Effect, Fiber, FileSystem, Layer, Logger, Result } from "effect"
import { inject } from "vitest"
import pg from "pg"
import { rendererLayer } from "../src/index.ts"
import { Renderer } from "../src/Renderer.ts"
import { applied, besideDnsmasq, changed, eventually, startRenderer } from "./besideDnsmasq.ts"
import { environment } from "./configured.ts"

const mac = "02:00:00:00:00:01"

describeLab("a running renderer", () => {
  it.live("brings a change to dnsmasq whose notification was lost with the connection", () =>
    Effect.gen(function*() {
      const { database, env, lines } = yield* besideDnsmasq("hosts")
      const { run } = yield* startRenderer(env)
      const running = yield* Effect.forkChild(run)
      yield* database.reserve(mac, "10.99.0.7", "nas")
      const isApplied = applied(database, "the file is applied")
      yield* isApplied
      // Ended in the same transaction, the listener cannot have heard of the change.
      yield* database.query(`
        BEGIN;
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'leasehold-renderer';
        UPDATE reservations SET address = '10.99.0.8';
        COMMIT;`)
      yield* isApplied
      assert.deepStrictEqual(yield* lines, ["02:00:00:00:00:01,10.99.0.8,nas"])
      yield* Fiber.interrupt(running)
    }))

  it.live("says that the database is away, leaves dnsmasq alone, and goes on when it is back", () =>
    Effect.gen(function*() {
      const { database, env, lines, pid } = yield* besideDnsmasq("hosts")
      const { health, run } = yield* startRenderer(changed(env, { RENDERER_POLL: "200 millis" }))
      const running = yield* Effect.forkChild(run)
      yield* database.reserve(mac, "10.99.0.7", "nas")
      yield* eventually("it is well", Effect.result(health), Result.isSuccess)
      const before = yield* pid
      const name = new URL(database.url).pathname.slice(1)
      const admin = new pg.Client({ connectionString: inject("pgUrl") })
      const ask = (sql: string) => Effect.promise(() => admin.query(sql))
      yield* Effect.acquireRelease(Effect.promise(() => admin.connect()), () => Effect.promise(() => admin.end()))
      yield* ask(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`)
      yield* ask(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`)
      yield* eventually(
        "it says so",
        Effect.result(health),
        (found) => Result.isFailure(found) && /database does not answer/u.test(found.failure)
      )
      assert.deepStrictEqual(yield* lines, ["02:00:00:00:00:01,10.99.0.7,nas"])
      yield* ask(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`)
      yield* eventually("it goes on", Effect.result(health), Result.isSuccess)
      yield* database.query("UPDATE reservations SET address = '10.99.0.8'")
      yield* eventually(
        "the change is there",
        lines,
        (found) => found?.[0] === "02:00:00:00:00:01,10.99.0.8,nas"
      )
      assert.strictEqual(yield* pid, before)
      yield* Fiber.interrupt(running)
    }))

  it.live("registers its server by itself", () =>
    Effect.gen(function*() {
      const { database, env } = yield* besideDnsmasq("hosts")
      const { cycle } = yield* startRenderer(changed(env, { RENDERER_SERVER: "newcomer" }))
      yield* cycle
      const [row] = yield* database.query<{ result: string; applied_reservations: number }>(
        "SELECT result, applied_reservations FROM dhcp_servers WHERE server = 'newcomer'"
      )
      assert.deepStrictEqual(row, { result: "applied", applied_reservations: 0 })
    }))

  it.live("says that something failed that nobody thought of, and tries again", () =>
    Effect.gen(function*() {
      const { database, env, lines } = yield* besideDnsmasq("hosts")
      yield* database.reserve(mac, "10.99.0.7", "nas")
      let isBroken = true
      const Broken = Layer.effect(
        FileSystem.FileSystem,
        Effect.map(FileSystem.FileSystem, (fs) =>
          FileSystem.FileSystem.of({
            ...fs,
            rename: (from, to) => isBroken ? Effect.die(new Error("out of memory")) : fs.rename(from, to)
          }))
      )
      const said: Array<string> = []
      const log = Logger.layer([
        Logger.make(({ cause, logLevel, message }) => void said.push(`${logLevel} ${message} ${Cause.pretty(cause)}`))
      ])
      const { health, run } = yield* Effect.map(
        Layer.build(
          rendererLayer.pipe(
            Layer.provide(Broken),
            Layer.provide(environment(changed(env, { RENDERER_RETRY_MIN: "100 millis" })))
          )
        ),
        Context.get(Renderer)
      )
      const running = yield* run.pipe(Effect.provide(log), Effect.forkChild)
      yield* eventually(
        "it says so",
        Effect.result(health),
        (found) => Result.isFailure(found) && found.failure === "the renderer failed: Error: out of memory"
      )
      assert.include(said.join("\n"), "Error the renderer failed, trying again Error: out of memory")
      isBroken = false
      yield* applied(database, "it goes on")
      assert.deepStrictEqual(yield* lines, ["02:00:00:00:00:01,10.99.0.7,nas"])
      yield* Fiber.interrupt(running)
    }))
})
