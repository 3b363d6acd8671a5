import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { openLogTail } from "../../src/proofs/LogTail.ts"

const withLog = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  const path = `${directory}/dnsmasq.log`
  yield* fs.writeFileString(path, "before\n")
  const tail = yield* openLogTail(path)
  const append = (text: string, to = path) => fs.writeFileString(to, text, { flag: "a" })
  return { fs, path, tail, append }
})

describe("the tail of a log", () => {
  it.effect("begins at the end, and gives whole lines only", () =>
    Effect.gen(function*() {
      const { append, tail } = yield* withLog
      assert.deepStrictEqual(yield* tail.next, [])
      yield* append("one\ntw")
      assert.deepStrictEqual(yield* tail.next, ["one"])
      yield* append("o\n")
      assert.deepStrictEqual(yield* tail.next, ["two"])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("follows a rotation by renaming, with what the old file still gains", () =>
    Effect.gen(function*() {
      const { append, fs, path, tail } = yield* withLog
      yield* append("one\n")
      yield* fs.rename(path, `${path}.1`)
      yield* append("two\n", `${path}.1`)
      assert.deepStrictEqual(yield* tail.next, ["one", "two"])
      yield* append("three\n")
      assert.deepStrictEqual(yield* tail.next, ["three"])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("follows a rotation by truncation", () =>
    Effect.gen(function*() {
      const { append, fs, path, tail } = yield* withLog
      yield* append("a long first line\n")
      assert.deepStrictEqual(yield* tail.next, ["a long first line"])
      yield* fs.truncate(path)
      yield* append("new\n")
      assert.deepStrictEqual(yield* tail.next, ["new"])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("reads a line that comes in many pieces, and lines of many bytes", () =>
    Effect.gen(function*() {
      const { append, tail } = yield* withLog
      yield* append("müller".repeat(20_000))
      assert.deepStrictEqual(yield* tail.next, [])
      yield* append("\nshort\n")
      assert.strictEqual((yield* tail.next).at(-1), "short")
    }).pipe(Effect.provide(NodeServices.layer)))
})
