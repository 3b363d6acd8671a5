import { describeLab } from "@leasehold/devstack/lab/test"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { applied, besideDnsmasq, changed, eventually, lookOnce } from "./besideDnsmasq.ts"
import { type Daemon, startDaemon } from "./startDaemon.ts"
import { type TestDatabase } from "./testDatabase.ts"

const mac = "02:00:00:00:00:01"
const lineOf = (address: string) => `dhcp-host=02:00:00:00:00:01,${address},nas`
const servedBy = ({ child }: Daemon) => `another renderer serves lab: leasehold-renderer ${child.pid}@`

const health = (what: string, daemon: Daemon, beginning: string) =>
  eventually(what, daemon.get("/healthz"), (text) => text.startsWith(beginning))

const metric = (daemon: Daemon, name: string) =>
  Effect.map(daemon.get("/metrics"), (text) => {
    const line = text.split("\n").find((one) => one.startsWith(`${name} `) || one.startsWith(`${name}{`))
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(" ")))
  })

const change = (database: TestDatabase, address: string) =>
  Effect.asVoid(database.query("UPDATE reservations SET address = $1", [address]))

/** Ends the connection that has the lock, as an administrator or a broken line would. */
const cut = ({ query }: TestDatabase) =>
  Effect.map(
    query(`SELECT pg_terminate_backend(pid) FROM pg_locks
      WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`),
    (ended) => assert.lengthOf(ended, 1)
  )

const two = Effect.gen(function*() {
  const beside = yield* besideDnsmasq("conf")
  const { database, env } = beside
  yield* database.reserve(mac, "10.99.0.7", "nas")
  const first = yield* startDaemon(env)
  yield* health("the first one is well", first, "ok")
  const start = (changes: Readonly<Record<string, string>> = {}) => startDaemon(changed(env, changes))
  return { ...beside, first, start }
})

describeLab("two renderers of one server", () => {
  it.live(
    "are one that works, and one that says which and takes over when that is killed",
    () =>
      Effect.gen(function*() {
        const { database, first, lines, start } = yield* two
        const second = yield* start()
        yield* health("the second one says who serves", second, servedBy(first))
        assert.strictEqual(yield* metric(first, "renderer_serving"), 1)
        assert.strictEqual(yield* metric(second, "renderer_serving"), 0)
        yield* change(database, "10.99.0.8")
        yield* applied(database, "the change is applied")
        assert.strictEqual(yield* metric(first, "renderer_activations_total"), 2)
        assert.isUndefined(yield* metric(second, "renderer_activations_total"))

        first.child.kill("SIGKILL")
        yield* change(database, "10.99.0.9")
        yield* applied(database, "the change is applied by the other")
        assert.deepStrictEqual(yield* lines, [lineOf("10.99.0.9")])
        yield* health("it is well", second, "ok")
        assert.strictEqual(yield* metric(second, "renderer_serving"), 1)
        // However often it looked.
        assert.lengthOf(second.said().split("\n").filter((line) => line.includes("this renderer stands by")), 1)
      }),
    60_000
  )

  it.live("stay one when the connection of the one is cut while it cannot notice", () =>
    Effect.gen(function*() {
      const { database, first, lines, start } = yield* two
      const second = yield* start()
      yield* health("the second one says who serves", second, servedBy(first))
      first.child.kill("SIGSTOP")
      yield* cut(database)
      yield* health("the second one serves", second, "ok")
      const { applied_generation } = yield* database.row
      assert.strictEqual(yield* metric(second, "renderer_applied_generation"), Number(applied_generation))
      first.child.kill("SIGCONT")
      yield* health("the first one stands by", first, servedBy(second))
      yield* change(database, "10.99.0.8")
      yield* applied(database, "the change is applied")
      assert.deepStrictEqual(yield* lines, [lineOf("10.99.0.8")])
      assert.deepStrictEqual(
        [yield* metric(first, "renderer_activations_total"), yield* metric(second, "renderer_activations_total")],
        [1, 1]
      )
    }), 60_000)

  it.live(
    "do not both write when the one loses its connection while dnsmasq checks its file",
    () =>
      Effect.gen(function*() {
        const { database, env, first, lab, lines, pid, start } = yield* two
        first.child.kill("SIGTERM")
        yield* first.ended
        const [asked, go] = [join(lab.dir, "asked"), join(lab.dir, "go")]
        const slow = join(lab.dir, "slow-dnsmasq")
        writeFileSync(
          slow,
          `#!/bin/sh\ntouch '${asked}'; until [ -e '${go}' ]; do sleep 0.05; done; exec dnsmasq "$@"\n`,
          {
            mode: 0o755
          }
        )
        const slowOne = yield* start({ RENDERER_DNSMASQ: slow })
        yield* health("the slow one is well", slowOne, "ok")
        yield* change(database, "10.99.0.8")
        yield* eventually("the check began", Effect.sync(() => existsSync(asked)), Boolean)
        const other = yield* start()
        yield* health("the other one stands by", other, servedBy(slowOne))
        yield* change(database, "10.99.0.9")
        yield* cut(database)
        yield* applied(database, "the other one applies the change")
        const before = yield* pid
        writeFileSync(go, "")
        yield* health("the slow one stands by", slowOne, servedBy(other))
        assert.deepStrictEqual(yield* lines, [lineOf("10.99.0.9")])
        assert.strictEqual(yield* pid, before)
        assert.strictEqual((yield* database.row).result, "applied")
        assert.isUndefined(yield* metric(slowOne, "renderer_activations_total"))
        // Nor is anything left behind that the next one would have to clear away.
        other.child.kill("SIGTERM")
        yield* other.ended
        yield* lookOnce(env)
        assert.strictEqual(yield* pid, before)
      }),
    60_000
  )

  it.live("get the lock back after a cut when there is no other, and go on", () =>
    Effect.gen(function*() {
      const { database, first, lines } = yield* two
      yield* cut(database)
      yield* change(database, "10.99.0.8")
      yield* applied(database, "the change is applied")
      assert.deepStrictEqual(yield* lines, [lineOf("10.99.0.8")])
      yield* health("it is well", first, "ok")
      assert.strictEqual(yield* metric(first, "renderer_activations_total"), 2)
    }), 60_000)
})

describeLab("renderers of two servers", () => {
  it.live("that are given one file leave it to the server that was first, and say so", () =>
    Effect.gen(function*() {
      const { database, directory, env, pid } = yield* besideDnsmasq("conf")
      yield* database.reserve(mac, "10.99.0.7", "nas")
      yield* lookOnce(env)
      const before = yield* pid
      const file = join(directory, "01-leasehold.conf")
      const content = readFileSync(file, "utf8")
      yield* lookOnce(changed(env, { RENDERER_SERVER: "shop" }))
      const rows = yield* database.query<{ server: string; result: string; error: string | null }>(
        "SELECT server, result, error FROM dhcp_servers ORDER BY server"
      )
      assert.deepStrictEqual(rows, [
        { server: "lab", result: "applied", error: null },
        {
          server: "shop",
          result: "failed",
          error: `cannot write ${file}: it is the file of the server lab; give each server its own, or remove that one`
        }
      ])
      assert.strictEqual(readFileSync(file, "utf8"), content)
      assert.strictEqual(yield* pid, before)
    }))
})
