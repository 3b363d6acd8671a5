import { describeLab } from "@leasehold/devstack/lab/test"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { readdirSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { applied, besideDnsmasq, changed, eventually, lookOnce, startRenderer } from "./besideDnsmasq.ts"
import { startReader } from "./Reader.ts"

const mac = "02:00:00:00:00:01"
const line = (address: string, name = "nas") => `${mac.toUpperCase()},${address},${name}`
const count = (text: string, part: string) => text.split(part).length - 1

describeLab("mode hosts", () => {
  it.live("gives a client its address, another when that is changed, and none when it is removed", () =>
    Effect.gen(function*() {
      const { client, database, env, lab, lines, pid } = yield* besideDnsmasq("hosts")
      const { cycle, health } = yield* startRenderer(env)
      const machine = yield* client("one", mac)
      yield* database.reserve(mac, "10.99.0.7", "nas")
      const before = yield* pid
      yield* cycle
      assert.deepStrictEqual(yield* lines, [line("10.99.0.7")])
      assert.strictEqual((yield* Effect.promise(() => machine.obtain())).ip, "10.99.0.7")
      yield* database.query("UPDATE reservations SET address = '10.99.0.8'")
      yield* cycle
      assert.strictEqual((yield* Effect.promise(() => machine.obtain())).ip, "10.99.0.8")
      yield* database.query("DELETE FROM reservations")
      yield* cycle
      assert.deepStrictEqual(yield* lines, [])
      assert.match((yield* Effect.promise(() => machine.obtain())).ip, /^10\.99\.0\.1\d\d$/u)

      assert.strictEqual(yield* pid, before)
      const row = yield* database.row
      assert.deepStrictEqual([row.result, row.applied_generation, row.error], ["applied", row.wanted_generation, null])
      // The comment at the head of the file troubles dnsmasq as little as anything else in it.
      assert.notMatch(yield* Effect.promise(() => lab.log()), / at line /u)
      yield* health
    }))

  it.live("signals nothing when no byte changed", () =>
    Effect.gen(function*() {
      const { database, env, lab } = yield* besideDnsmasq("hosts")
      const { cycle } = yield* startRenderer(env)
      yield* database.reserve(mac, "10.99.0.7", "nas")
      yield* cycle
      yield* database.query("UPDATE reservations SET name = 'other'")
      yield* database.query("UPDATE reservations SET name = 'nas'")
      yield* cycle
      const row = yield* database.row
      assert.strictEqual(row.applied_generation, row.wanted_generation)
      // Once at the start of dnsmasq it read an empty directory, and once it was signalled.
      assert.strictEqual(count(yield* Effect.promise(() => lab.log()), ": read "), 1)
    }))

  it.live("reports each reservation that dnsmasq skipped, and uses the others", () =>
    Effect.gen(function*() {
      const { client, database, env, lab } = yield* besideDnsmasq("hosts", {
        lines: ["dhcp-host=02:00:00:00:00:99,10.99.0.8,operator"]
      })
      const { cycle } = yield* startRenderer(env)
      yield* database.reserve(mac, "10.99.0.7", "nas")
      yield* database.reserve("02:00:00:00:00:02", "10.99.0.8", "printer")
      yield* cycle
      const row = yield* database.row
      assert.deepStrictEqual([row.result, row.applied_reservations, row.applied_generation], [
        "applied",
        1,
        row.wanted_generation
      ])
      assert.match(
        row.error ?? "",
        /^dnsmasq skipped 02:00:00:00:00:02,10\.99\.0\.8,printer: duplicate dhcp-host IP address 10\.99\.0\.8 at line 3 of /u
      )
      const machine = yield* client("one", mac)
      assert.strictEqual((yield* Effect.promise(() => machine.obtain())).ip, "10.99.0.7")
      assert.include(yield* Effect.promise(() => lab.log()), "at line 3 of")
    }))

  it.live("looks again at what dnsmasq skipped when somebody restarted it", () =>
    Effect.gen(function*() {
      const { client, database, env, lab, pid } = yield* besideDnsmasq("hosts", {
        lines: ["dhcp-host=02:00:00:00:00:99,10.99.0.7,operator"]
      })
      const { cycle } = yield* startRenderer(env)
      const reads = Effect.promise(async () => count(await lab.log(), ": read "))
      yield* database.reserve(mac, "10.99.0.7", "nas")
      yield* cycle
      yield* cycle
      assert.match((yield* database.row).error ?? "", /^dnsmasq skipped /u)
      assert.strictEqual(yield* reads, 1)

      yield* Effect.promise(() => lab.writeConf({ hosts: true }))
      yield* Effect.promise(() => lab.restartDnsmasq())
      yield* eventually("dnsmasq has started", reads, (times) => times === 2)
      const restarted = yield* pid
      yield* cycle
      const { applied_reservations, error, result } = yield* database.row
      assert.deepStrictEqual([result, applied_reservations, error], ["applied", 1, null])
      const machine = yield* client("one", mac)
      assert.strictEqual((yield* Effect.promise(() => machine.obtain())).ip, "10.99.0.7")
      // That was one signal, and what is known now is not asked again.
      yield* cycle
      assert.deepStrictEqual([yield* reads, yield* pid], [3, restarted])
    }))

  it.live("touches nothing while dnsmasq does not run, and goes on when it does", () =>
    Effect.gen(function*() {
      const { database, env, lab, lines } = yield* besideDnsmasq("hosts")
      const { cycle } = yield* startRenderer(env)
      yield* database.reserve(mac, "10.99.0.7", "nas")
      yield* cycle
      yield* Effect.promise(() => lab.killDnsmasq())
      yield* database.query("UPDATE reservations SET address = '10.99.0.8'")
      yield* cycle
      const row = yield* database.row
      assert.strictEqual(row.result, "failed")
      assert.match(row.error ?? "", /^dnsmasq does not run: .* names no process of it$/u)
      assert.deepStrictEqual(yield* lines, [line("10.99.0.7")])
      yield* Effect.promise(() => lab.startDnsmasq())
      yield* cycle
      assert.strictEqual((yield* database.row).result, "applied")
      assert.deepStrictEqual(yield* lines, [line("10.99.0.8")])
    }))

  it.live("goes back to the previous file when dnsmasq dies of the new one", () =>
    Effect.gen(function*() {
      const { client, database, env, lab, lines, pid } = yield* besideDnsmasq("hosts")
      yield* database.reserve(mac, "10.99.0.7", "nas")
      yield* lookOnce(env)
      yield* database.query("UPDATE reservations SET address = '10.99.0.8'")
      // The first signal ends dnsmasq, as 2.90 may; whoever supervises it starts it again.
      const done = join(lab.dir, "done")
      const command =
        `if [ -e '${done}' ]; then kill -HUP "$(cat '${lab.pidFile}')"; else touch '${done}'; ${lab.restartCommand}; kill -KILL "$(cat '${lab.pidFile}')"; fi`
      const running = yield* startRenderer(
        changed(env, { RENDERER_ACTIVATE: command, RENDERER_PROOF_TIMEOUT: "2 seconds" })
      )
      const before = yield* pid
      yield* running.cycle
      const row = yield* database.row
      assert.strictEqual(row.result, "failed")
      assert.deepStrictEqual(yield* lines, [line("10.99.0.7")])
      assert.notStrictEqual(yield* pid, before)
      yield* Effect.promise(() => lab.startDnsmasq())
      const machine = yield* client("one", mac)
      assert.strictEqual((yield* Effect.promise(() => machine.obtain())).ip, "10.99.0.7")
    }))

  it.live("fails when dnsmasq says nothing, and signals again only after that time", () =>
    Effect.gen(function*() {
      const { database, env, lab, lines } = yield* besideDnsmasq("hosts")
      yield* database.reserve(mac, "10.99.0.7", "nas")
      yield* lookOnce(env)
      yield* database.query("UPDATE reservations SET address = '10.99.0.8'")
      const quiet = join(lab.dir, "quiet.log")
      writeFileSync(quiet, "")
      const read = yield* Effect.promise(() => lab.log())
      yield* (yield* startRenderer(changed(env, { RENDERER_LOG_FILE: quiet, RENDERER_PROOF_TIMEOUT: "400 millis" })))
        .cycle
      assert.match((yield* database.row).error ?? "", /^dnsmasq did not log within .* that it read the file/u)
      assert.deepStrictEqual(yield* lines, [line("10.99.0.7")])
      const log = (yield* Effect.promise(() => lab.log())).slice(read.length)
      assert.strictEqual(count(log, ": read "), 2)
    }))

  it.live("finds the proof in a log that is rotated meanwhile", () =>
    Effect.gen(function*() {
      const { database, env, lab } = yield* besideDnsmasq("hosts")
      const log = join(lab.dir, "seen.log")
      writeFileSync(log, "")
      const command =
        `mv '${log}' '${log}.1'; kill -HUP "$(cat '${lab.pidFile}')"; sleep 0.2; grep read '${lab.logFile}' > '${log}'`
      yield* database.reserve(mac, "10.99.0.7", "nas")
      yield* lookOnce(changed(env, { RENDERER_LOG_FILE: log, RENDERER_ACTIVATE: command }))
      assert.strictEqual((yield* database.row).error, null)
      assert.strictEqual((yield* database.row).result, "applied")
    }))

  it.live("never shows dnsmasq two generations, or none", () =>
    Effect.gen(function*() {
      const { database, directory, env, lab } = yield* besideDnsmasq("hosts")
      const { run } = yield* startRenderer(changed(env, { RENDERER_DEBOUNCE: "1 millis", RENDERER_SETTLE: "1 millis" }))
      const running = yield* Effect.forkChild(run)
      yield* database.reserve(mac, "10.99.0.1", "nas")
      const isApplied = applied(database, "dnsmasq uses what is wanted")
      yield* isApplied
      const reader = yield* startReader(directory)
      for (let number = 2; number < 40; number++) {
        yield* database.query("UPDATE reservations SET address = '10.99.0.0'::inet + $1", [number])
        if (number % 4 === 0) yield* isApplied
      }
      yield* isApplied
      const { contents, crowds } = yield* reader.stop
      yield* Fiber.interrupt(running)
      assert.deepStrictEqual([...crowds], [])
      assert.isAtLeast(contents.size, 5)
      // dnsmasq would say so of an address that stands in two files.
      assert.notMatch(yield* Effect.promise(() => lab.log()), / at line |cannot /u)
      assert.strictEqual(readdirSync(directory).filter((name) => name.endsWith(".candidate")).length, 0)
    }))

  it.live("takes over a directory in which somebody renamed the file", () =>
    Effect.gen(function*() {
      const { database, directory, env, lines } = yield* besideDnsmasq("hosts")
      yield* database.reserve(mac, "10.99.0.7", "nas")
      yield* lookOnce(env)
      const [name = ""] = readdirSync(directory).filter((entry) => !entry.startsWith("."))
      renameSync(join(directory, name), join(directory, `.${name}.moved`))
      yield* lookOnce(env)
      assert.deepStrictEqual(yield* lines, [line("10.99.0.7")])
      assert.strictEqual((yield* database.row).result, "applied")
    }))
})
