import { describeLab } from "@leasehold/devstack/lab/test"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { applied, besideDnsmasq, changed, eventually } from "./besideDnsmasq.ts"
import { startDaemon } from "./startDaemon.ts"

describe("the renderer's program", () => {
  it.live("says how it is used, and begins nothing, when it is given arguments", () =>
    Effect.gen(function*() {
      const helped = yield* startDaemon({}, ["--help"])
      assert.strictEqual(yield* helped.ended, 0)
      assert.match(helped.said(), /^DESCRIPTION\n[^]*the environment\n\nUSAGE\n {2}renderer/u)
      const mistaken = yield* startDaemon({}, ["start"])
      assert.strictEqual(yield* mistaken.ended, 1)
      assert.match(mistaken.said(), /Unexpected positional argument: "start"/u)
    }))

  it.live("ends with 1 and the name of the variable when its configuration is wrong", () =>
    Effect.gen(function*() {
      const daemon = yield* startDaemon({ RENDERER_SERVER: "lab", DATABASE_URL: "postgres://nowhere" })
      assert.strictEqual(yield* daemon.ended, 1)
      assert.match(daemon.said(), /"error":"RENDERER_FILE is missing/u)
    }))

  it.live("ends with 1 when its level of logging is none", () =>
    Effect.gen(function*() {
      const daemon = yield* startDaemon({ LOG_LEVEL: "loud" })
      assert.strictEqual(yield* daemon.ended, 1)
      assert.match(daemon.said(), /"error":"LOG_LEVEL is not /u)
    }))

  it.live("ends with 1 when it has no database", () =>
    Effect.gen(function*() {
      const daemon = yield* startDaemon({
        RENDERER_SERVER: "lab",
        RENDERER_FILE: "/tmp/x.conf",
        RENDERER_ACTIVATE: "true"
      })
      assert.strictEqual(yield* daemon.ended, 1)
      assert.match(daemon.said(), /"error":"DATABASE_URL is missing/u)
    }))

  it.live("ends on SIGTERM while its database is away", () =>
    Effect.gen(function*() {
      const daemon = yield* startDaemon({
        RENDERER_SERVER: "lab",
        RENDERER_FILE: "/tmp/x.conf",
        RENDERER_ACTIVATE: "true",
        DATABASE_URL: "postgres://nobody@127.0.0.1:1/none"
      })
      yield* eventually(
        "it misses its database",
        Effect.sync(daemon.said),
        (said) => said.includes("cannot listen to postgres") && said.includes("the database does not answer")
      )
      daemon.child.kill("SIGTERM")
      assert.strictEqual(yield* daemon.ended, 130)
    }))
})

describeLab("the renderer's program beside dnsmasq", () => {
  it.live("does its work, shows its metrics, and ends on SIGTERM", () =>
    Effect.gen(function*() {
      const { database, env, lines } = yield* besideDnsmasq("conf")
      yield* database.reserve("02:00:00:00:00:01", "10.99.0.7", "nas")
      const daemon = yield* startDaemon(env)
      yield* applied(database, "it is applied")
      assert.deepStrictEqual(yield* lines, ["dhcp-host=02:00:00:00:00:01,10.99.0.7,nas"])
      assert.match(yield* daemon.get("/metrics"), /^renderer_activations_total\{result="succeeded"\} 1$/mu)
      assert.strictEqual(yield* daemon.get("/healthz"), "ok\n")
      daemon.child.kill("SIGTERM")
      assert.strictEqual(yield* daemon.ended, 130)
      for (const line of daemon.said().trim().split("\n")) assert.strictEqual(JSON.parse(line).app, "renderer")
      assert.notInclude(daemon.said(), new URL(database.url).password)
    }))

  it.live("lets its command come to its end when it is told to stop meanwhile", () =>
    Effect.gen(function*() {
      const { database, env, lab, pid } = yield* besideDnsmasq("conf")
      yield* database.reserve("02:00:00:00:00:01", "10.99.0.7", "nas")
      const begun = join(lab.dir, "begun")
      const ended = join(lab.dir, "ended")
      const before = yield* pid
      const daemon = yield* startDaemon(changed(env, {
        RENDERER_ACTIVATE: `env > '${begun}'; sleep 0.5; ${lab.restartCommand}; echo "$?" > '${ended}'`
      }))
      yield* eventually("the command began", Effect.sync(() => existsSync(begun)), Boolean)
      daemon.child.kill("SIGTERM")
      assert.strictEqual(yield* daemon.ended, 130)
      assert.isTrue(existsSync(ended))
      assert.notStrictEqual(yield* pid, before)
      assert.notInclude(readFileSync(begun, "utf8"), "DATABASE_URL")
      // Nobody verified it, so it is not recorded.
      assert.strictEqual((yield* database.row).result, null)
    }))
})
