import { describeLab } from "@leasehold/devstack/lab/test"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { besideDnsmasq, changed, lookOnce, type ModeName } from "./besideDnsmasq.ts"
import { type Environment } from "./configured.ts"

const mac = "02:00:00:00:00:01"
const program = new URL("programs/dyingRenderer.ts", import.meta.url).pathname

/** Runs the renderer until it kills itself; what it died of, or nothing when it came to its end. */
const runDying = (env: Environment, at: number, cache: string) =>
  Effect.promise(() =>
    new Promise<string | undefined>((resolve, reject) => {
      const child = spawn(process.execPath, [program, String(at)], {
        // Most of a short life would be spent on reading its own source.
        env: { ...process.env, ...env, NODE_COMPILE_CACHE: cache },
        stdio: ["ignore", "pipe", "inherit"]
      })
      let said = ""
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => said += chunk)
      child.once("error", reject)
      child.once("close", (code, signal) =>
        signal === "SIGKILL"
          ? resolve(said || "its command")
          : code === 0
          ? resolve(undefined)
          : reject(new Error(`${code} ${signal}`)))
    })
  )

const converges = Effect.fnUntraced(function*(mode: ModeName) {
  const { database, directory, env: usual, lab, lines } = yield* besideDnsmasq(mode)
  const env = changed(usual, { RENDERER_SETTLE: "10 millis" })
  const sender = yield* Effect.acquireRelease(
    Effect.promise(() => lab.raw()),
    (sender) => Effect.promise(() => sender.close())
  )
  const cache = join(lab.dir, "cache")
  const prefix = mode === "conf" ? "dhcp-host=" : ""
  const lineOf = (address: string) => `${prefix}${mac.toUpperCase()},${address},nas`
  const offered = Effect.map(
    Effect.promise(() => sender.exchange({ type: "discover", mac }, 10_000)),
    (reply) => reply?.yiaddr
  )
  yield* database.reserve(mac, "10.99.0.10", "nas")
  yield* lookOnce(env)

  // Nothing is to be done, so it lives, and leaves its compiled source to the others.
  yield* runDying(env, 0, cache)

  let before = "10.99.0.10"
  const round = Effect.fnUntraced(function*(after: string, dyingEnv: Environment, at: number) {
    yield* database.query("UPDATE reservations SET address = $1", [after])
    const cause = yield* runDying(dyingEnv, at, cache)
    const found = yield* lines
    assert.include([lineOf(before), lineOf(after)], found?.join("\n"), `after ${cause}`)
    assert.lengthOf(readdirSync(directory).filter((name) => !name.startsWith(".")), 1, `after ${cause}`)

    yield* lookOnce(env)
    const row = yield* database.row
    assert.deepStrictEqual([row.result, row.applied_generation], ["applied", row.wanted_generation], `after ${cause}`)
    assert.deepStrictEqual(yield* lines, [lineOf(after)], `after ${cause}`)
    assert.strictEqual(yield* offered, after, `after ${cause}`)
    assert.deepStrictEqual(
      readdirSync(directory).filter((name) => /^\..*\.(candidate|unverified)$/u.test(name)),
      [],
      `after ${cause}`
    )
    before = after
    return cause
  })
  return { env, lab, round }
})

/** Until there is no further step. */
const dieAtEachStep = Effect.fnUntraced(function*(mode: ModeName, first: number) {
  const { env, round } = yield* converges(mode)
  const causes: Array<string> = []
  for (let at = first;; at++) {
    const cause = yield* round(`10.99.0.${at + 20}`, env, at)
    if (cause === undefined) return { causes }
    causes.push(cause)
  }
})

describeLab("a renderer that is killed (SIGKILL)", () => {
  it.live("before any step of mode conf leaves a whole file, and the next one converges", () =>
    Effect.gen(function*() {
      const { causes } = yield* dieAtEachStep("conf", 1)
      assert.isAbove(causes.length, 12)
      assert.deepStrictEqual(
        [...new Set(causes)].sort(),
        ["chmod", "half a write", "link", "open", "remove", "rename", "sync", "writeFile"]
      )
    }), 240_000)

  it.live("before any step of mode hosts that is another one does too", () =>
    Effect.gen(function*() {
      const { causes } = yield* dieAtEachStep("hosts", 8)
      assert.deepStrictEqual(causes.slice(-5), ["writeFile", "rename", "rename", "sync", "remove"])
    }), 240_000)

  it.live("by its own command, before and after the restart, has dnsmasq use the file in the end", () =>
    Effect.gen(function*() {
      const { env, lab, round } = yield* converges("conf")
      const early = changed(env, { RENDERER_ACTIVATE: `kill -KILL $PPID; ${lab.restartCommand}` })
      const late = changed(env, { RENDERER_ACTIVATE: `${lab.restartCommand}; kill -KILL $PPID` })
      const instead = changed(env, { RENDERER_ACTIVATE: "kill -KILL $PPID" })
      assert.strictEqual(yield* round("10.99.0.11", early, 0), "its command")
      assert.strictEqual(yield* round("10.99.0.12", late, 0), "its command")
      assert.strictEqual(yield* round("10.99.0.13", instead, 0), "its command")
    }))
})
