import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { describeLab } from "@leasehold/devstack/lab/test"
import { Effect, FileSystem, Option } from "effect"
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { header } from "../src/rendering/header.ts"
import { hashOf } from "../src/Target.ts"
import { confIn, type Environment, hostsIn, targetOf } from "./configured.ts"
import { startReader } from "./Reader.ts"

const content = (text: string) => Buffer.from(`${header("lab")}${text}\n`)
/** What dnsmasq would read in a directory. */
const seen = (directory: string) => readdirSync(directory).filter((name) => !name.startsWith("."))
const hidden = (directory: string) => readdirSync(directory).filter((name) => name.startsWith(".")).sort()

const inDirectory = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const root = yield* fs.makeTempDirectoryScoped()
  const directory = join(root, "dnsmasq.d")
  yield* fs.makeDirectory(directory)
  return { root, directory }
}).pipe(Effect.provide(NodeServices.layer))

const put = Effect.fnUntraced(function*(env: Environment, text: string, generation: bigint) {
  const { target } = yield* targetOf(env)
  yield* target.prepare(content(text))
  return yield* target.install(generation)
})

describe("the file of another server", () => {
  const places = {
    "in mode conf": (directory: string) => ({ env: confIn(join(directory, "01.conf")), name: "01.conf" }),
    "in mode hosts": (directory: string) => ({ env: hostsIn(directory), name: "1".padStart(19, "0") })
  }
  for (const [where, placeIn] of Object.entries(places)) {
    it.effect(`is neither read, replaced nor tidied away ${where}`, () =>
      Effect.gen(function*() {
        const { directory } = yield* inDirectory
        const { env, name } = placeIn(directory)
        const { fs, target } = yield* targetOf(env)
        const theirs = `${header("shop")}x\n`
        yield* fs.writeFileString(join(directory, name), theirs)
        yield* target.prepare(content("x"))
        for (
          const attempt of [target.current, target.tidy, target.install(2n), target.restore, target.markUnverified]
        ) {
          const { message } = yield* Effect.flip(attempt)
          assert.strictEqual(
            message,
            `cannot write ${
              join(directory, name)
            }: it is the file of the server shop; give each server its own, or remove that one`
          )
        }
        assert.deepStrictEqual(seen(directory), [name])
        assert.strictEqual(readFileSync(join(directory, name), "utf8"), theirs)
      }))
  }
})

describe("the file of mode conf", () => {
  it.effect("is readable by everybody, whatever the umask", () =>
    Effect.gen(function*() {
      const { directory } = yield* inDirectory
      const before = process.umask(0o077)
      const path = yield* put(confIn(join(directory, "01.conf")), "x", 1n).pipe(
        Effect.ensuring(Effect.sync(() => process.umask(before)))
      )
      const { fs } = yield* targetOf(confIn(path))
      assert.strictEqual((yield* fs.stat(path)).mode & 0o777, 0o644)
      assert.strictEqual(readFileSync(path, "utf8"), content("x").toString())
    }))

  it.effect("is unverified from before it is in place until it is said to be verified", () =>
    Effect.gen(function*() {
      const { directory } = yield* inDirectory
      const env = confIn(join(directory, "01.conf"))
      const { target } = yield* targetOf(env)
      assert.isTrue(Option.isNone(yield* target.unverifiedSince))
      yield* put(env, "x", 1n)
      assert.isTrue(Option.isSome(yield* target.unverifiedSince))
      yield* target.markVerified
      assert.isTrue(Option.isNone(yield* target.unverifiedSince))
    }))

  it.effect("goes back to the last verified one, also when two were not", () =>
    Effect.gen(function*() {
      const { directory } = yield* inDirectory
      const path = join(directory, "01.conf")
      const { target } = yield* targetOf(confIn(path))
      yield* put(confIn(path), "good", 1n)
      yield* target.markVerified
      yield* put(confIn(path), "bad", 2n)
      yield* put(confIn(path), "worse", 3n)
      assert.deepStrictEqual(yield* target.restore, Option.some(path))
      assert.strictEqual(readFileSync(path, "utf8"), content("good").toString())
      // Once more, as after a crash between the two steps.
      assert.deepStrictEqual(yield* target.restore, Option.some(path))
      assert.strictEqual(readFileSync(path, "utf8"), content("good").toString())
      assert.deepStrictEqual(hidden(directory), [".01.conf.previous", ".01.conf.unverified"])
    }))

  it.effect("is taken away again when there was none before", () =>
    Effect.gen(function*() {
      const { directory } = yield* inDirectory
      const env = confIn(join(directory, "01.conf"))
      const { target } = yield* targetOf(env)
      yield* put(env, "bad", 1n)
      assert.deepStrictEqual(yield* target.restore, Option.none())
      assert.deepStrictEqual(seen(directory), [])
    }))

  it.effect("does not go back to a file of long ago, when there was none before", () =>
    Effect.gen(function*() {
      const { directory } = yield* inDirectory
      const path = join(directory, "01.conf")
      const { fs, target } = yield* targetOf(confIn(path))
      for (const text of ["first", "second"]) {
        yield* put(confIn(path), text, 1n)
        yield* target.markVerified
      }
      yield* fs.remove(path)
      yield* put(confIn(path), "bad", 2n)
      assert.deepStrictEqual(yield* target.restore, Option.none())
      assert.deepStrictEqual(seen(directory), [])
    }))

  it.effect("replaces what a symbolic link leads to, and leaves the link", () =>
    Effect.gen(function*() {
      const { directory, root } = yield* inDirectory
      const { fs } = yield* targetOf(confIn("/x"))
      const elsewhere = join(root, "elsewhere")
      yield* fs.makeDirectory(elsewhere)
      const link = join(directory, "01.conf")
      yield* fs.symlink("../elsewhere/real.conf", link)
      for (const text of ["first", "second"]) {
        yield* put(confIn(link), text, 1n)
        assert.strictEqual(readFileSync(link, "utf8"), content(text).toString())
      }
      assert.strictEqual(yield* fs.readLink(link), "../elsewhere/real.conf")
      assert.deepStrictEqual(seen(elsewhere), ["real.conf"])
      assert.deepStrictEqual(hidden(directory), [])
    }))

  it.effect("that somebody else wrote is kept under a name that dnsmasq passes over", () =>
    Effect.gen(function*() {
      const { directory } = yield* inDirectory
      const path = join(directory, "01.conf")
      const { fs, target } = yield* targetOf(confIn(path))
      const foreign = "dhcp-host=02:00:00:00:00:09,10.0.0.9,by-hand\n"
      yield* fs.writeFileString(path, foreign)
      yield* put(confIn(path), "ours", 1n)
      yield* target.markVerified
      yield* put(confIn(path), "ours again", 2n)
      yield* target.markVerified
      const kept = `.01.conf.foreign-${hashOf(Buffer.from(foreign)).slice(0, 12)}`
      assert.deepStrictEqual(hidden(directory), [kept, ".01.conf.previous"])
      assert.strictEqual(readFileSync(join(directory, kept), "utf8"), foreign)
    }))

  it.effect("is not touched when a candidate cannot be written, and the system's words are kept", () =>
    Effect.gen(function*() {
      const { directory } = yield* inDirectory
      const { target } = yield* targetOf(confIn(join(directory, "missing", "01.conf")))
      const error = yield* Effect.flip(target.prepare(content("x")))
      assert.match(error.message, /cannot write the new file: ENOENT: no such file or directory/u)
    }))
})

describe("the file of mode hosts", () => {
  it.effect("is called after its generation, and is alone", () =>
    Effect.gen(function*() {
      const { directory } = yield* inDirectory
      const { target } = yield* targetOf(hostsIn(directory))
      for (const generation of [7n, 12n]) {
        yield* put(hostsIn(directory), `generation ${generation}`, generation)
        assert.deepStrictEqual(seen(directory), [generation.toString().padStart(19, "0")])
        yield* target.markVerified
      }
      assert.deepStrictEqual(yield* Effect.map(target.restore, Option.map((path) => path.slice(-2))), Option.some("07"))
      assert.deepStrictEqual(seen(directory), ["7".padStart(19, "0")])
      assert.strictEqual(
        readFileSync(join(directory, "7".padStart(19, "0")), "utf8"),
        content("generation 7").toString()
      )
    }))

  it.effect("is the newest of several that an accident left, and files of others are left alone", () =>
    Effect.gen(function*() {
      const { directory } = yield* inDirectory
      const { fs, target } = yield* targetOf(hostsIn(directory))
      const nameOf = (generation: number) => join(directory, String(generation).padStart(19, "0"))
      yield* fs.writeFile(nameOf(3), content("old"))
      yield* fs.writeFileString(nameOf(5), "by hand\n")
      yield* fs.writeFile(nameOf(8), content("new"))
      yield* fs.writeFileString(join(directory, "operators-own"), "")
      yield* fs.writeFileString(join(directory, ".leasehold.candidate"), "half a li")
      yield* target.tidy
      assert.deepStrictEqual(seen(directory).sort(), [nameOf(8).split("/").at(-1), "operators-own"])
      assert.deepStrictEqual(hidden(directory).map((name) => name.replace(/-.*/u, "")), [
        `.${"5".padStart(19, "0")}.foreign`
      ])
    }))
})

const generations = 150
/** Long enough that a write is not done in one go. */
const contentOf = (generation: number) => content(`generation ${generation}\n`.repeat(20_000))

describe("whoever looks at the directory", () => {
  for (
    const [mode, envOf] of [["conf", (directory: string) => confIn(join(directory, "01.conf"))], [
      "hosts",
      hostsIn
    ]] as const
  ) {
    it.live(`of mode ${mode} sees one whole generation at every instant`, () =>
      Effect.gen(function*() {
        const { directory } = yield* inDirectory
        const { target } = yield* targetOf(envOf(directory))
        const write = Effect.fnUntraced(function*(generation: number) {
          yield* target.prepare(contentOf(generation))
          yield* target.install(BigInt(generation))
        })
        yield* write(0)
        yield* target.markVerified
        const reader = yield* startReader(directory)
        for (let generation = 1; generation < generations; generation++) {
          yield* write(generation)
          yield* generation % 3 === 0 ? target.restore : target.markVerified
        }
        const { contents, crowds } = yield* reader.stop
        const whole = new Set(Array.from({ length: generations }, (_, generation) => hashOf(contentOf(generation))))
        assert.deepStrictEqual([...contents.keys()].filter((hash) => !whole.has(hash)), [])
        assert.deepStrictEqual([...crowds], [])
        assert.isAbove(contents.size, 20)
      }))
  }
})

describeLab("a disk", () => {
  it.live("that is full or may not be written changes nothing, and says so", () =>
    Effect.gen(function*() {
      const { directory } = yield* inDirectory
      const program = new URL("programs/fullDisk.ts", import.meta.url).pathname
      const output = execFileSync(
        "unshare",
        ["--user", "--map-root-user", "--mount", "--", process.execPath, program, directory],
        { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }
      )
      const { full, good, readOnly } = JSON.parse(output)
      assert.strictEqual(good.error, "")
      assert.match(full.error, /cannot write the new file: ENOSPC: no space left on device/u)
      assert.match(readOnly.error, /cannot write the new file: EROFS: read-only file system/u)
      for (const after of [full, readOnly]) {
        assert.strictEqual(after.content, content("good").toString())
        assert.deepStrictEqual(after.there, good.there)
      }
    }))
})
