import { describeLab } from "@leasehold/devstack/lab/test"
import { assert, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { anotherDnsmasq, besideDnsmasq, changed, lookOnce, startRenderer } from "./besideDnsmasq.ts"

const mac = "02:00:00:00:00:01"
const line = (address: string, name = "nas") => `dhcp-host=${mac.toUpperCase()},${address},${name}`

describeLab("mode conf", () => {
  it.live("gives a client its address, and another one when that is changed", () =>
    Effect.gen(function*() {
      const { client, database, env, lines, pid } = yield* besideDnsmasq("conf")
      const { cycle, health } = yield* startRenderer(env)
      const machine = yield* client("one", mac)
      assert.match((yield* Effect.promise(() => machine.obtain())).ip, /^10\.99\.0\.1\d\d$/u)
      yield* database.reserve(mac, "10.99.0.7", "nas")
      const before = yield* pid
      yield* cycle
      assert.deepStrictEqual(yield* lines, [line("10.99.0.7")])
      assert.notStrictEqual(yield* pid, before)
      const lease = yield* Effect.promise(() => machine.renew())
      assert.deepStrictEqual([lease.ip, lease.hostname], ["10.99.0.7", "nas"])

      yield* database.query("UPDATE reservations SET address = '10.99.0.8'")
      yield* cycle
      assert.strictEqual((yield* Effect.promise(() => machine.obtain())).ip, "10.99.0.8")
      const row = yield* database.row
      assert.strictEqual(row.result, "applied")
      assert.strictEqual(row.applied_generation, row.wanted_generation)
      assert.deepStrictEqual([row.applied_reservations, row.error], [1, null])
      yield* health
    }))

  it.live("activates nothing when no byte changed, and records the generation", () =>
    Effect.gen(function*() {
      const { database, env, pid } = yield* besideDnsmasq("conf")
      yield* database.reserve(mac, "10.99.0.7", "nas")
      const before = yield* Effect.scoped(Effect.gen(function*() {
        const { cycle } = yield* startRenderer(env)
        yield* cycle
        const first = { pid: yield* pid, row: yield* database.row }
        yield* database.query("UPDATE reservations SET name = 'other'")
        yield* database.query("UPDATE reservations SET name = 'nas'")
        yield* cycle
        return first
      }))
      const row = yield* database.row
      assert.strictEqual(yield* pid, before.pid)
      assert.strictEqual(Number(row.applied_generation), Number(before.row.applied_generation) + 2)
      assert.strictEqual(row.applied_hash, before.row.applied_hash)
      // Nor does another renderer that is started later.
      yield* lookOnce(env)
      assert.strictEqual(yield* pid, before.pid)
    }))

  it.live("writes a file again that somebody edited or removed", () =>
    Effect.gen(function*() {
      const { database, directory, env, lines } = yield* besideDnsmasq("conf")
      const { cycle } = yield* startRenderer(env)
      yield* database.reserve(mac, "10.99.0.7", "nas")
      yield* cycle
      appendFileSync(join(directory, "01-leasehold.conf"), "dhcp-host=02:00:00:00:00:09,10.99.0.9,by-hand\n")
      yield* cycle
      assert.deepStrictEqual(yield* lines, [line("10.99.0.7")])
    }))

  it.live("goes back to the previous file when dnsmasq does not start with the new one", () =>
    Effect.gen(function*() {
      const { client, database, directory, env, lab, lines } = yield* besideDnsmasq("conf")
      const { cycle, health } = yield* startRenderer(env)
      yield* database.reserve(mac, "10.99.0.7", "nas")
      yield* cycle
      const good = yield* database.row
      // The candidate is good by itself, so the gate lets it pass; dnsmasq finds the address in two files.
      writeFileSync(join(directory, "00-operator.conf"), "dhcp-host=02:00:00:00:00:99,10.99.0.8,operator\n")
      yield* database.query("UPDATE reservations SET address = '10.99.0.8'")
      yield* cycle
      assert.deepStrictEqual(yield* lines, [line("10.99.0.7")])
      const failed = yield* database.row
      assert.strictEqual(failed.result, "failed")
      assert.match(
        failed.error ?? "",
        /activation command ended with status 1: dnsmasq: duplicate dhcp-host IP address 10\.99\.0\.8/u
      )
      assert.strictEqual(failed.attempted_generation, failed.wanted_generation)
      assert.strictEqual(failed.applied_generation, good.applied_generation)
      assert.match(yield* Effect.flip(health), /duplicate/u)
      const machine = yield* client("one", mac)
      assert.strictEqual((yield* Effect.promise(() => machine.obtain())).ip, "10.99.0.7")
      assert.isFalse(existsSync(join(lab.confDir, ".01-leasehold.conf.unverified")))

      // The same bytes are not tried again yet; other bytes are.
      yield* database.reserve("02:00:00:00:00:02", "10.99.0.20", "later")
      yield* database.query("UPDATE reservations SET address = '10.99.0.21' WHERE name = 'nas'")
      yield* cycle
      assert.strictEqual((yield* database.row).result, "applied")
      yield* health
    }))

  it.live("knows without a pid file, beside another dnsmasq, that the previous file is in use again", () =>
    Effect.gen(function*() {
      const { client, database, directory, env, lab, lines } = yield* besideDnsmasq("conf")
      const other = yield* anotherDnsmasq
      // With the share that is usual, a way back that is not seen would make the next change wait for minutes.
      const { cycle, health } = yield* startRenderer(
        changed(env, { RENDERER_PID_FILE: "", RENDERER_RELOAD_SHARE: "0.1" })
      )
      yield* database.reserve(mac, "10.99.0.7", "nas")
      yield* cycle
      writeFileSync(join(directory, "00-operator.conf"), "dhcp-host=02:00:00:00:00:99,10.99.0.8,operator\n")
      yield* database.query("UPDATE reservations SET address = '10.99.0.8'")
      yield* cycle
      assert.isNull(other.exitCode)
      assert.deepStrictEqual(yield* lines, [line("10.99.0.7")])
      assert.match((yield* database.row).error ?? "", /^the activation command ended .*: duplicate [^;]*$/u)
      assert.isFalse(existsSync(join(lab.confDir, ".01-leasehold.conf.unverified")))
      const machine = yield* client("one", mac)
      assert.strictEqual((yield* Effect.promise(() => machine.obtain())).ip, "10.99.0.7")

      yield* database.query("UPDATE reservations SET address = '10.99.0.9'")
      yield* cycle
      assert.strictEqual((yield* database.row).result, "applied")
      yield* health
    }))

  it.live("takes a first file away again that dnsmasq does not start with", () =>
    Effect.gen(function*() {
      const { database, directory, env, lines } = yield* besideDnsmasq("conf")
      const { cycle } = yield* startRenderer(env)
      writeFileSync(join(directory, "00-operator.conf"), `dhcp-host=02:00:00:00:00:99,10.99.0.7,operator\n`)
      yield* database.reserve(mac, "10.99.0.7", "nas")
      yield* cycle
      assert.isUndefined(yield* lines)
      assert.strictEqual((yield* database.row).result, "failed")
      assert.isNull((yield* database.row).applied_generation)
    }))

  it.live("asks dnsmasq before it replaces anything, and says which reservation dnsmasq refuses", () =>
    Effect.gen(function*() {
      const { database, directory, env, lines, pid } = yield* besideDnsmasq("conf")
      const program = join(directory, "..", "refusing-dnsmasq")
      writeFileSync(program, `#!/bin/sh\necho "dnsmasq: bad DHCP host name at line 2 of $3" >&2\nexit 1\n`, {
        mode: 0o755
      })
      yield* database.reserve(mac, "10.99.0.7", "nas")
      const before = yield* pid
      yield* lookOnce(changed(env, { RENDERER_DNSMASQ: program }))
      assert.strictEqual(yield* pid, before)
      assert.isUndefined(yield* lines)
      assert.match(
        (yield* database.row).error ?? "",
        /bad DHCP host name at line 2 .* \(dhcp-host=02:00:00:00:00:01,10\.99\.0\.7,nas\)/u
      )
    }))

  const nothing: Readonly<Record<string, readonly [string, RegExp]>> = {
    "fails": ["echo broken >&2; exit 3", /activation command ended with status 3: broken/u],
    "does not end": ["sleep 60", /activation command did not end within/u],
    "restarts nothing": ["true", /dnsmasq was not restarted: dnsmasq \(process \d+\) is the one from before/u]
  }
  for (const [what, [command, error]] of Object.entries(nothing)) {
    it.live(`fails when its command ${what}`, () =>
      Effect.gen(function*() {
        const { database, env, lines, pid } = yield* besideDnsmasq("conf")
        yield* database.reserve(mac, "10.99.0.7", "nas")
        yield* lookOnce(env)
        const before = yield* pid
        yield* database.query("UPDATE reservations SET address = '10.99.0.8'")
        yield* lookOnce(changed(env, {
          RENDERER_ACTIVATE: command,
          RENDERER_ACTIVATE_TIMEOUT: "300 millis",
          RENDERER_PROOF_TIMEOUT: "300 millis"
        }))
        const row = yield* database.row
        assert.match(row.error ?? "", error)
        assert.deepStrictEqual(yield* lines, [line("10.99.0.7")])
        assert.strictEqual(yield* pid, before)
        // Nobody could make dnsmasq use the previous file, so the next renderer does not trust what is in place.
        yield* database.query("UPDATE reservations SET address = '10.99.0.7'")
        yield* lookOnce(env)
        assert.strictEqual((yield* database.row).result, "applied")
        assert.notStrictEqual(yield* pid, before)
      }))
  }

  it.live("fails when the new dnsmasq ends soon after its start", () =>
    Effect.gen(function*() {
      const { database, env, lab } = yield* besideDnsmasq("conf")
      yield* database.reserve(mac, "10.99.0.7", "nas")
      const command = `${lab.restartCommand}; pid=$(cat '${lab.pidFile}'); (sleep 0.1; kill -9 $pid) >/dev/null 2>&1 &`
      yield* lookOnce(changed(env, {
        RENDERER_ACTIVATE: command,
        RENDERER_SETTLE: "400 millis",
        RENDERER_PROOF_TIMEOUT: "700 millis"
      }))
      assert.strictEqual((yield* database.row).result, "failed")
      assert.match((yield* database.row).error ?? "", /names no dnsmasq process/u)
    }))

  it.live("finds the new process without a pid file too", () =>
    Effect.gen(function*() {
      const { database, env, pid } = yield* besideDnsmasq("conf")
      yield* database.reserve(mac, "10.99.0.7", "nas")
      const before = yield* pid
      yield* lookOnce(changed(env, { RENDERER_PID_FILE: "" }))
      assert.strictEqual((yield* database.row).result, "applied")
      assert.notStrictEqual(yield* pid, before)
    }))

  it.live("lets a change wait for the reload budget, and takes all that came meanwhile with it", () =>
    Effect.gen(function*() {
      const { database, directory, env, lines, pid } = yield* besideDnsmasq("conf")
      const starts = join(directory, "..", "starts")
      const { cycle } = yield* startRenderer(changed(env, {
        RENDERER_RESTART_INTERVAL: "8 seconds",
        RENDERER_ACTIVATE: `echo start >> '${starts}'; ${env["RENDERER_ACTIVATE"]}`
      }))
      yield* database.reserve(mac, "10.99.0.7", "nas")
      yield* cycle
      const before = yield* pid
      yield* database.query("UPDATE reservations SET address = '10.99.0.8'")
      const waiting = yield* Effect.forkChild(Effect.timed(cycle))
      yield* Effect.sleep("100 millis")
      assert.strictEqual(yield* pid, before)
      yield* database.query("UPDATE reservations SET address = '10.99.0.9'")
      const [took] = yield* Effect.flatten(Fiber.await(waiting))
      assert.isAbove(Duration.toMillis(took), 500)
      assert.deepStrictEqual(yield* lines, [line("10.99.0.9")])
      assert.strictEqual(readFileSync(starts, "utf8"), "start\n".repeat(2))
    }))
})
