import { type Lab } from "@leasehold/devstack/lab"
import { describeLab } from "@leasehold/devstack/lab/test"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { applied, besideDnsmasq, changed, eventually, lookOnce } from "./besideDnsmasq.ts"
import { type Environment } from "./configured.ts"
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

/** One that serves, and a way to start another. */
const serving = Effect.fnUntraced(function*(settings: (lab: Lab) => Environment = () => ({})) {
  const beside = yield* besideDnsmasq("conf")
  const { database, env, lab } = beside
  yield* database.reserve(mac, "10.99.0.7", "nas")
  yield* lookOnce(env)
  const first = yield* startDaemon(changed(env, settings(lab)))
  yield* health("the first one is well", first, "ok")
  const startSecond = Effect.tap(
    startDaemon(env),
    (second) => health("the second one says who serves", second, servedBy(first))
  )
  return { ...beside, first, startSecond }
})

/** The command of a first renderer: takes as long as there is a file `wait`, and tells by a file `asked` that it began. */
const slowly = ({ dir }: Lab, command: string) =>
  `touch '${dir}/asked'; while [ -e '${dir}/wait' ]; do sleep 0.05; done; ${command}`

const patience = 60_000

describeLab("two renderers of one server", () => {
  it.live(
    "are one that works, and one that says which and takes over when that is killed",
    () =>
      Effect.gen(function*() {
        const { database, first, lines, startSecond } = yield* serving()
        const second = yield* startSecond
        assert.strictEqual(yield* metric(first, "renderer_serving"), 1)
        assert.strictEqual(yield* metric(second, "renderer_serving"), 0)
        yield* change(database, "10.99.0.8")
        yield* applied(database, "the change is applied")
        assert.strictEqual(yield* metric(first, "renderer_activations_total"), 1)
        assert.isUndefined(yield* metric(second, "renderer_activations_total"))

        first.child.kill("SIGKILL")
        yield* change(database, "10.99.0.9")
        yield* applied(database, "the change is applied by the other")
        assert.deepStrictEqual(yield* lines, [lineOf("10.99.0.9")])
        yield* health("it is well", second, "ok")
        assert.strictEqual(yield* metric(second, "renderer_serving"), 1)
        // However often it looked.
        assert.lengthOf(second.said().split("\n").filter((line) => line.includes("this renderer stands by")), 1)

        // Without another one, who loses the lock takes it again.
        yield* cut(database)
        yield* change(database, "10.99.0.10")
        yield* applied(database, "the next change is applied")
        assert.deepStrictEqual(yield* lines, [lineOf("10.99.0.10")])
        assert.strictEqual(yield* metric(second, "renderer_activations_total"), 2)
      }),
    patience
  )

  it.live("stay one when the connection of the one is cut while it cannot notice", () =>
    Effect.gen(function*() {
      const { database, first, lines, startSecond } = yield* serving()
      const second = yield* startSecond
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
        [undefined, 1]
      )
    }), patience)

  const ends: Readonly<Record<string, (lab: Lab) => string>> = {
    "nor record what is not any more": ({ restartCommand }) => restartCommand,
    "nor put back what was before": () => "exit 1"
  }
  for (const [what, command] of Object.entries(ends)) {
    it.live(
      `do not both write when the one loses its connection while its command runs, ${what}`,
      () =>
        Effect.gen(function*() {
          const { database, first, lab, lines, startSecond } = yield* serving((lab) => ({
            RENDERER_ACTIVATE: slowly(lab, command(lab))
          }))
          const [asked, wait] = [join(lab.dir, "asked"), join(lab.dir, "wait")]
          rmSync(asked, { force: true })
          writeFileSync(wait, "")
          yield* change(database, "10.99.0.8")
          yield* eventually("the command began", Effect.sync(() => existsSync(asked)), Boolean)
          const second = yield* startSecond
          yield* change(database, "10.99.0.9")
          yield* cut(database)
          yield* applied(database, "the second one applies the change")
          const row = yield* database.row
          rmSync(wait)
          yield* health("the first one stands by", first, servedBy(second))
          assert.deepStrictEqual(yield* lines, [lineOf("10.99.0.9")])
          assert.deepStrictEqual(yield* database.row, row)
        }),
      patience
    )
  }
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
