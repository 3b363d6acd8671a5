import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { refusalOfPaths } from "../../src/Configuration/allowedPaths.ts"
import { scratch } from "../harness/scratch.ts"

const place = Effect.gen(function*() {
  const root = yield* scratch
  const at = (...names: ReadonlyArray<string>) => join(root, ...names)
  mkdirSync(at("logs", "sub"), { recursive: true })
  mkdirSync(at("outside", "sub"), { recursive: true })
  writeFileSync(at("logs", "dnsmasq.log"), "")
  writeFileSync(at("outside", "secret"), "")
  const link = (target: string, ...names: ReadonlyArray<string>) => {
    symlinkSync(target, at(...names))
    return at(...names)
  }
  const refusal = (path: string, followed = false) =>
    refusalOfPaths([path], { directories: [at("logs")], files: [at("given.log")] }, followed)
  return { at, link, refusal }
})

describe("the paths that a configuration may name", () => {
  it.effect("lie under an allowed directory, there or not, and lead to nowhere else", () =>
    Effect.gen(function*() {
      const { at, link, refusal } = yield* place
      const good = [
        at("given.log"),
        at("logs", "dnsmasq.log"),
        at("logs", "new", "deep", "later.log"),
        link("dnsmasq.log", "logs", "inside.log"),
        link("sub/../later.log", "logs", "dangling-inside.log"),
        link(at("logs"), "back") + "/dnsmasq.log"
      ]
      for (const path of good) assert.strictEqual(yield* refusal(path), undefined, path)
    }))

  it.effect("are refused when a link leads out of it, however it is laid", () =>
    Effect.gen(function*() {
      const { at, link, refusal } = yield* place
      link(at("outside"), "logs", "directory")
      link(at("outside", "sub"), "logs", "deep")
      // From where `deep` leads to, `..` is outside.
      link("deep/../new", "logs", "by-parent")
      link("../new", "outside", "sub", "dangling")
      const bad = [
        at("outside", "secret"),
        at("logs-twin", "x.log"),
        link(at("outside", "secret"), "logs", "absolute.log"),
        link("../outside/secret", "logs", "relative.log"),
        link("relative.log", "logs", "twice.log"),
        link(at("outside", "later"), "logs", "dangling.log"),
        at("logs", "directory", "secret"),
        at("logs", "directory", "later"),
        at("logs", "by-parent"),
        at("logs", "deep", "dangling")
      ]
      for (const path of bad) assert.match((yield* refusal(path)) ?? "", /is not under an allowed directory/u, path)
    }))

  it.effect("are refused when nobody can say where they lead, unless they are followed already", () =>
    Effect.gen(function*() {
      const { link, refusal } = yield* place
      const circle = link("circle", "logs", "circle")
      assert.match((yield* refusal(circle)) ?? "", /^nobody can say where/u)
      assert.strictEqual(yield* refusal(circle, true), undefined)
    }))

  it.effect("may lie under a directory that is itself reached by a link", () =>
    Effect.gen(function*() {
      const { at, link } = yield* place
      const alias = link(at("logs"), "alias")
      const allowed = { directories: [alias], files: [] }
      assert.strictEqual(yield* refusalOfPaths([join(alias, "a.log"), at("logs", "b.log")], allowed), undefined)
      assert.match((yield* refusalOfPaths([alias], allowed)) ?? "", /is not under/u)
    }))
})
