import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { appendFileSync, copyFileSync, statSync, truncateSync } from "node:fs"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import { openIncarnation } from "../../../src/sources/LogFile/Incarnation.ts"
import { isCopyOf, logFiles, openListed, untilSteady } from "../../../src/sources/LogFile/rotatedFiles.ts"
import { LogWriter } from "../../harness/LogWriter.ts"
import { scratch } from "../../harness/scratch.ts"

const place = Effect.gen(function*() {
  const directory = yield* scratch
  const path = join(directory, "dnsmasq.log")
  const writer = yield* Effect.acquireRelease(
    Effect.sync(() => new LogWriter(path)),
    (writer) => Effect.sync(() => writer.close())
  )
  const rotate = (count: number) => {
    for (let n = 0; n < count; n++) {
      writer.write(`line of file ${n}\n`)
      writer.rename(true)
      writer.reopen()
    }
  }
  const open = (path: string) =>
    Effect.acquireRelease(openIncarnation(path), ({ handle }) => Effect.promise(() => handle.close()))
  return { path, writer, rotate, open }
})

describe("the files of a log", () => {
  it.live("are listed as they were at one instant, however they are renamed meanwhile", () =>
    Effect.gen(function*() {
      const { path, rotate, writer } = yield* place
      rotate(12)
      const renaming = yield* Effect.gen(function*() {
        for (let n = 0; n < 12; n++) {
          const steps = writer.renaming(true)
          while (steps.next().done !== true) yield* Effect.promise(() => setImmediate())
          yield* Effect.sleep("10 millis")
        }
      }).pipe(Effect.forkChild)
      for (let n = 0; n < 20; n++) {
        const { rotated } = yield* untilSteady(path, logFiles(path))
        const inodes = new Set(rotated.map(({ inode }) => inode))
        const names = rotated.map(({ name }) => name)
        assert.strictEqual(inodes.size, rotated.length, `twice: ${names.join(" ")}`)
        assert.isAtLeast(inodes.size, 12, `missing: ${names.join(" ")}`)
      }
      yield* Fiber.join(renaming)
    }))

  it.live("are not opened when another has their name by now, or none", () =>
    Effect.gen(function*() {
      const { path, rotate } = yield* place
      rotate(2)
      const { rotated } = yield* logFiles(path)
      const [first, second] = rotated.toSorted((a, b) => a.name < b.name ? -1 : 1)
      assert.isDefined(first)
      assert.isDefined(second)
      if (first === undefined || second === undefined) return
      const opened = yield* openListed(first)
      yield* Effect.promise(() => opened.handle.close())
      assert.strictEqual(opened.inode, first.inode)
      rotate(1)
      assert.strictEqual((yield* Effect.flip(openListed(first)))._tag, "FileMoved")
      const gone = { inode: first.inode, path: `${path}.9` }
      assert.strictEqual((yield* Effect.flip(openListed(gone)))._tag, "FileMoved")
    }))
})

describe("a copy that is being made of the log", () => {
  it.live("is one while the log still holds all of it, and none when the log was truncated", () =>
    Effect.gen(function*() {
      const { open, path, writer } = yield* place
      writer.write("started\nline 1\n")
      const log = yield* open(path)
      appendFileSync(`${path}.1`, "")
      assert.isTrue(yield* isCopyOf(yield* open(`${path}.1`), log))
      appendFileSync(`${path}.1`, "started\nli")
      assert.isTrue(yield* isCopyOf(yield* open(`${path}.1`), log))
      copyFileSync(path, `${path}.1`)
      assert.isTrue(yield* isCopyOf(yield* open(`${path}.1`), log))
      truncateSync(path)
      writer.write("started\nline 2, which is longer\n")
      assert.isFalse(yield* isCopyOf(yield* open(`${path}.1`), log))
    }))

  it.live("is not what was renamed and begins as the log does", () =>
    Effect.gen(function*() {
      const { open, path, writer } = yield* place
      writer.write("started\n")
      const { birthtimeMs } = statSync(path)
      yield* Effect.sleep("20 millis")
      writer.rename(true)
      writer.reopen()
      writer.write("started\nline 1\n")
      const isTold = birthtimeMs > 0 && statSync(path).birthtimeMs > birthtimeMs
      assert.strictEqual(yield* isCopyOf(yield* open(`${path}.1`), yield* open(path)), !isTold)
    }))
})
