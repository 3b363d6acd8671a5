import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import type { LogFileOptions } from "../../src/sources/LogFile.ts"
import { eventually, Follower } from "../harness/Follower.ts"
import { LogWriter } from "../harness/LogWriter.ts"
import { randomFrom } from "../harness/random.ts"
import { scratch } from "../harness/scratch.ts"

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`)
const text = (lines: ReadonlyArray<string>) => lines.map((line) => `${line}\n`).join("")

const place = Effect.fnUntraced(function*(options: Partial<LogFileOptions> = {}) {
  const directory = yield* scratch
  const path = join(directory, "dnsmasq.log")
  const follower = yield* Effect.acquireRelease(
    Effect.sync(() => new Follower({ path, ...options })),
    (follower) => follower.close
  )
  const append = (lines: ReadonlyArray<string>) => appendFileSync(path, text(lines))
  return { directory, path, follower, append, beside: (name: string) => join(directory, name) }
})

describe("a growing file", () => {
  it.live("is read from its beginning, line by line with offsets", () =>
    Effect.gen(function*() {
      const { append, follower } = yield* place()
      append(range(1, 3))
      yield* follower.start
      yield* follower.expectLines(range(1, 3))
      append(range(4, 4))
      yield* follower.expectLines(range(1, 4))
      assert.deepStrictEqual(follower.found.map(({ offset }) => offset), [0, 7, 14, 21])
      assert.strictEqual(new Set(follower.found.map(({ source }) => source)).size, 1)
    }))

  it.live("yields a line only when its newline is written", () =>
    Effect.gen(function*() {
      const { append, follower, path } = yield* place()
      appendFileSync(path, "line 1\nli")
      yield* follower.start
      yield* follower.expectLines(range(1, 1))
      appendFileSync(path, "ne 2")
      yield* follower.looked
      yield* follower.expectLines(range(1, 1))
      appendFileSync(path, "\n")
      append(range(3, 3))
      yield* follower.expectLines(range(1, 3))
    }))

  it.live("may be missing at the start, and says so", () =>
    Effect.gen(function*() {
      const { append, follower } = yield* place()
      yield* follower.start
      assert.strictEqual(follower.problem(), "log file is missing, waiting for it")
      append(range(1, 2))
      yield* follower.expectLines(range(1, 2))
      yield* follower.expectNoProblem
    }))

  it.live("is read from its end when that is wanted, and after a restart from where that was", () =>
    Effect.gen(function*() {
      const { append, follower } = yield* place({ start: "end" })
      append(range(1, 3))
      yield* follower.start
      append(range(4, 5))
      yield* follower.expectLines(range(4, 5))
      yield* follower.close
      append(range(6, 6))
      yield* follower.start
      yield* follower.expectLines(range(4, 6))
    }))

  it.live("that was empty at the first start loses nothing to a start at the end", () =>
    Effect.gen(function*() {
      const { append, follower, path } = yield* place({ start: "end" })
      writeFileSync(path, "")
      yield* follower.start
      yield* follower.close
      append(range(1, 2))
      yield* follower.start
      yield* follower.expectLines(range(1, 2))
    }))

  it.live("of any bytes is given as it is", () =>
    Effect.gen(function*() {
      const { follower, path } = yield* place()
      const bytes = Buffer.from([...Array.from({ length: 256 }, (_, byte) => byte), 10, 0, 0xff, 0xc3, 10])
      writeFileSync(path, bytes)
      yield* follower.start
      yield* eventually("there are three lines", () => follower.lines().length, (count) => count >= 3)
      assert.deepStrictEqual(Buffer.from(text(follower.lines()), "latin1"), bytes)
    }))
})

describe("lines of any length", () => {
  it.live("are passed over when they are too long, and what follows is read", () =>
    Effect.gen(function*() {
      const { append, follower, path } = yield* place()
      append(range(1, 1))
      appendFileSync(path, `${"x".repeat(1_000_000)}\n`)
      append(range(2, 2))
      yield* follower.start
      yield* follower.expectLines(range(1, 2))
      assert.deepStrictEqual(follower.reasons(), [])
    }))

  it.live("are a loss when they hold what dnsmasq wrote", () =>
    Effect.gen(function*() {
      const { append, follower, path } = yield* place()
      append(range(1, 1))
      // The tag lies across two chunks.
      appendFileSync(path, `${"x".repeat(16_384 - 5)}dnsmasq-dhcp[1]: ${"y".repeat(50_000)}\n`)
      append(range(2, 2))
      yield* follower.start
      yield* follower.expectLines(range(1, 2))
      assert.deepStrictEqual(follower.losses.map(({ position, reason }) => ({ position, reason })), [
        { position: 7, reason: "a line was too long to be read" }
      ])
    }))

  it.live("take no memory, even 300 MB without an end, and can be left in the middle", () =>
    Effect.gen(function*() {
      const { append, follower, path } = yield* place({ chunkBytes: 1_000_000 })
      append(range(1, 1))
      const part = "z".repeat(2_000_000)
      const before = process.memoryUsage.rss()
      for (let n = 0; n < 150; n++) appendFileSync(path, part)
      yield* follower.start
      yield* eventually("all of it is read", () => follower.lag(), (lag) => lag === 0)
      assert.isBelow(process.memoryUsage.rss() - before, 150_000_000)
      yield* follower.close
      yield* follower.start
      appendFileSync(path, "\n")
      append(range(2, 2))
      yield* follower.expectLines(range(1, 2))
    }))

  it.live("begin behind a hole that a file system left", () =>
    Effect.gen(function*() {
      const { append, follower, path } = yield* place()
      append(range(1, 1))
      truncateSync(path, 100_000)
      append(range(2, 2))
      yield* follower.start
      yield* eventually("there are two lines", () => follower.lines().length, (count) => count === 2)
      assert.deepStrictEqual(follower.lines().map((line) => line.replace(/^\0+/u, "")), range(1, 2))
    }))
})

describe("rotation by renaming", () => {
  it.live("reads the old file to its end before the new one", () =>
    Effect.gen(function*() {
      const { append, beside, follower, path } = yield* place()
      append(range(1, 2))
      yield* follower.start
      yield* follower.expectLines(range(1, 2))
      renameSync(path, beside("dnsmasq.log.1"))
      writeFileSync(path, "")
      // dnsmasq has not been told yet.
      yield* follower.looked
      appendFileSync(beside("dnsmasq.log.1"), text(range(3, 4)))
      yield* follower.expectLines(range(1, 4))
      appendFileSync(beside("dnsmasq.log.1"), text(range(5, 5)))
      append(range(6, 7))
      yield* follower.expectLines(range(1, 7))
      assert.strictEqual(new Set(follower.found.map(({ source }) => source)).size, 2)
    }))

  it.live("reads on in both files when both grow", () =>
    Effect.gen(function*() {
      const { append, beside, follower, path } = yield* place()
      append(range(1, 1))
      yield* follower.start
      renameSync(path, beside("dnsmasq.log.1"))
      append(["new 1"])
      yield* follower.expectLines(["line 1", "new 1"])
      appendFileSync(beside("dnsmasq.log.1"), text(range(2, 2)))
      yield* follower.expectLines(["line 1", "new 1", "line 2"])
      append(["new 2"])
      yield* follower.expectLines(["line 1", "new 1", "line 2", "new 2"])
    }))

  it.live("closes the old file when it was quiet for a while", () =>
    Effect.gen(function*() {
      const { append, beside, follower, path } = yield* place({ quietTime: Duration.millis(100) })
      append(range(1, 1))
      appendFileSync(path, "dnsmasq-dhcp[1]: DHCPACK(br0) 10.0.0.1")
      yield* follower.start
      yield* follower.expectLines(range(1, 1))
      renameSync(path, beside("dnsmasq.log.1"))
      append(range(2, 2))
      yield* follower.expectLines(range(1, 2))
      yield* follower.expectReasons(["the last line of a rotated log file has no end"])
      assert.deepStrictEqual(follower.losses.map(({ position, reason, text }) => ({ position, reason, text })), [{
        position: 7,
        reason: "the last line of a rotated log file has no end",
        text: "dnsmasq-dhcp[1]: DHCPACK(br0) 10.0.0.1"
      }])
    }))

  it.live("finds every file that was rotated away between two looks, in order", () =>
    Effect.gen(function*() {
      const { append, beside, follower, path } = yield* place()
      writeFileSync(beside("dnsmasq.log.7"), "from before\n")
      append(range(1, 2))
      yield* follower.start
      yield* follower.expectLines(range(1, 2))
      yield* follower.close
      append(range(3, 3))
      for (const from of [4, 6, 8]) {
        for (const n of [3, 2, 1]) {
          if (statSync(beside(`dnsmasq.log.${n}`), { throwIfNoEntry: false }) !== undefined) {
            renameSync(beside(`dnsmasq.log.${n}`), beside(`dnsmasq.log.${n + 1}`))
          }
        }
        renameSync(path, beside("dnsmasq.log.1"))
        append(range(from, from + 1))
      }
      yield* follower.start
      yield* follower.expectLines(range(1, 9))
      assert.deepStrictEqual(follower.reasons(), [])
    }))

  it.live("finds every file although the clock was set back between", () =>
    Effect.gen(function*() {
      const { append, beside, follower, path } = yield* place()
      append(range(1, 1))
      yield* follower.start
      yield* follower.expectLines(range(1, 1))
      yield* follower.close
      const hourAgo = Date.now() / 1000 - 3_600
      renameSync(path, beside("dnsmasq.log.2"))
      append(range(2, 2))
      renameSync(path, beside("dnsmasq.log.1"))
      utimesSync(beside("dnsmasq.log.1"), hourAgo, hourAgo)
      append(range(3, 3))
      utimesSync(path, hourAgo, hourAgo)
      yield* follower.start
      yield* follower.expectLines(range(1, 3))
      assert.deepStrictEqual(follower.reasons(), [])
    }))

  it.live("finds every file while names are still going from file to file", () =>
    Effect.gen(function*() {
      const { follower, path } = yield* place()
      const writer = new LogWriter(path)
      let written = 0
      const write = (count: number) => writer.write(text(range(written + 1, written += count)))
      write(1)
      yield* follower.start
      yield* follower.expectLines(range(1, written))
      for (let round = 0; round < 10; round++) {
        yield* follower.close
        const rotate = Effect.fnUntraced(function*(turns: number) {
          const steps = round % 2 === 0 ? writer.renaming(true) : writer.copyingAndTruncating()
          while (steps.next().done !== true) {
            for (let left = turns; left > 0; left--) yield* Effect.promise(() => setImmediate())
          }
          writer.reopen()
          write(2)
        })
        for (let n = 0; n < 4; n++) yield* rotate(0)
        const opening = yield* Effect.forkChild(follower.start)
        for (let n = 0; n < 3; n++) yield* rotate(1 + (round % 5))
        yield* Fiber.join(opening)
        yield* follower.expectLines(range(1, written))
      }
      assert.deepStrictEqual(follower.reasons(), [])
      writer.close()
    }))

  it.live("finds files that are named after their date", () =>
    Effect.gen(function*() {
      const { append, beside, follower, path } = yield* place()
      append(range(1, 1))
      yield* follower.start
      yield* follower.expectLines(range(1, 1))
      yield* follower.close
      append(range(2, 2))
      renameSync(path, beside("dnsmasq.log-20261120"))
      append(range(3, 3))
      renameSync(path, beside("dnsmasq.log-20261121"))
      append(range(4, 4))
      yield* follower.start
      yield* follower.expectLines(range(1, 4))
    }))

  it.live("says that a file was compressed before it was read", () =>
    Effect.gen(function*() {
      const { append, beside, follower, path } = yield* place()
      append(range(1, 1))
      yield* follower.start
      yield* follower.expectLines(range(1, 1))
      yield* follower.close
      renameSync(path, beside("dnsmasq.log.2"))
      yield* Effect.sleep("20 millis")
      append(range(2, 2))
      renameSync(path, beside("dnsmasq.log.1"))
      assert.strictEqual(spawnSync("gzip", [beside("dnsmasq.log.1")]).status, 0)
      append(range(3, 3))
      yield* follower.start
      yield* follower.expectLines(["line 1", "line 3"])
      assert.deepStrictEqual(follower.reasons(), ["a rotated log file was compressed before it was read"])
    }))

  it.live("says that a file may not be read, and goes on with the next", () =>
    Effect.gen(function*() {
      const { append, beside, directory, follower, path } = yield* place()
      append(range(1, 1))
      yield* follower.start
      yield* follower.expectLines(range(1, 1))
      yield* follower.close
      renameSync(path, beside("dnsmasq.log.2"))
      append(range(2, 2))
      renameSync(path, beside("dnsmasq.log.1"))
      append(range(3, 3))
      chmodSync(directory, 0o755)
      chmodSync(beside("dnsmasq.log.1"), 0)
      const asNobody = process.getuid?.() === 0
      if (asNobody) process.seteuid?.(65_534)
      yield* follower.start.pipe(Effect.ensuring(Effect.sync(() => asNobody && process.seteuid?.(0))))
      yield* follower.expectLines(["line 1", "line 3"])
      yield* follower.expectReasons(["a rotated log file may not be read"])
    }))

  it.live("says that a file vanished before it was read to its end", () =>
    Effect.gen(function*() {
      const { append, follower, path } = yield* place()
      append(range(1, 1))
      yield* follower.start
      yield* follower.expectLines(range(1, 1))
      yield* follower.close
      append(range(2, 2))
      unlinkSync(path)
      append(range(3, 3))
      yield* follower.start
      yield* follower.expectLines(["line 1", "line 3"])
      assert.deepStrictEqual(follower.reasons(), ["a rotated log file vanished before it was read to its end"])
    }))

  it.live("holds on to files while nobody reads, even when they are deleted", () =>
    Effect.gen(function*() {
      const { append, follower, path } = yield* place()
      append(range(1, 1))
      yield* follower.open
      for (const n of [2, 3, 4]) {
        append(range(n, n))
        yield* follower.looked
        unlinkSync(path)
      }
      append(range(5, 5))
      yield* follower.read
      yield* follower.expectLines(range(1, 5))
      assert.deepStrictEqual(follower.reasons(), [])
    }))

  it.live("goes on in a file whose name comes back", () =>
    Effect.gen(function*() {
      const { append, beside, follower, path } = yield* place()
      append(range(1, 1))
      yield* follower.start
      yield* follower.expectLines(range(1, 1))
      renameSync(path, beside("aside"))
      yield* follower.looked
      renameSync(beside("aside"), path)
      append(range(2, 2))
      yield* follower.expectLines(range(1, 2))
    }))
})

describe("rotation by copying and truncating", () => {
  it.live("reads what was not read yet from the copy, then the new lines", () =>
    Effect.gen(function*() {
      const { append, beside, follower, path } = yield* place()
      append(range(1, 2))
      yield* follower.start
      yield* follower.expectLines(range(1, 2))
      append(range(3, 4))
      copyFileSync(path, beside("dnsmasq.log.1"))
      truncateSync(path)
      append(["new 1"])
      yield* follower.expectLines([...range(1, 4), "new 1"])
      assert.deepStrictEqual(follower.reasons(), [])
    }))

  it.live("notices it when the file has grown beyond its old size meanwhile", () =>
    Effect.gen(function*() {
      const { append, beside, follower, path } = yield* place()
      append(range(1, 2))
      yield* follower.start
      yield* follower.expectLines(range(1, 2))
      copyFileSync(path, beside("dnsmasq.log.1"))
      truncateSync(path)
      append(["new 1", "new 2", "new 3", "new 4"])
      yield* follower.expectLines([...range(1, 2), "new 1", "new 2", "new 3", "new 4"])
    }))

  it.live("keeps apart files that begin with the same line", () =>
    Effect.gen(function*() {
      const { append, follower, path } = yield* place()
      const lines = ["started", "same", "same"]
      append(lines)
      yield* follower.start
      yield* follower.expectLines(lines)
      truncateSync(path)
      yield* follower.looked
      append(lines)
      yield* follower.expectLines([...lines, ...lines])
      yield* follower.close
      truncateSync(path)
      append(["started"])
      yield* follower.start
      yield* follower.expectLines([...lines, ...lines, "started"])
      const sources = [...new Set(follower.found.map(({ source }) => source))]
      assert.deepStrictEqual(sources.map((source) => source.slice(64)), ["", "#1", "#2"])
    }))

  it.live("reads every line when it is done again and again in the middle of a look", () =>
    Effect.gen(function*() {
      const { follower, path } = yield* place()
      const writer = new LogWriter(path)
      const random = randomFrom(1)
      yield* follower.start
      for (let n = 1; n <= 150; n++) {
        writer.write(`line ${n}\n`)
        for (let turns = random.below(12); turns > 0; turns--) yield* Effect.promise(() => setImmediate())
        if (random.chance(0.9)) writer.copyAndTruncate()
        else {
          writer.rename(true)
          writer.reopen()
        }
        if (random.chance(0.1)) yield* Effect.andThen(follower.kill(random.below(3)), follower.start)
        for (let turns = random.below(40); turns > 0; turns--) yield* Effect.promise(() => setImmediate())
      }
      yield* eventually("every line is there", () => follower.distinct().length, (count) => count >= 150)
      assert.deepStrictEqual(follower.distinct().map(({ line }) => line), range(1, 150))
      assert.deepStrictEqual(follower.reasons(), [])
      writer.close()
    }))

  it.live("says what was truncated away without a copy before it was read", () =>
    Effect.gen(function*() {
      const { append, follower, path } = yield* place()
      append(range(1, 2))
      yield* follower.start
      yield* follower.expectLines(range(1, 2))
      yield* follower.pause
      append(range(3, 4))
      yield* follower.looked
      truncateSync(path)
      append(range(5, 5))
      yield* follower.read
      yield* follower.expectLines([...range(1, 2), ...range(5, 5)])
      assert.deepStrictEqual(follower.reasons(), ["a log file was truncated before it was read to its end"])
    }))

  it.live("finds its place in the copy after a restart, and copies that came after it", () =>
    Effect.gen(function*() {
      const { append, beside, follower, path } = yield* place()
      append(range(1, 2))
      yield* follower.start
      yield* follower.expectLines(range(1, 2))
      yield* follower.close
      append(range(3, 3))
      copyFileSync(path, beside("dnsmasq.log.2"))
      truncateSync(path)
      append(range(4, 5))
      copyFileSync(path, beside("dnsmasq.log.1"))
      truncateSync(path)
      append(range(6, 6))
      yield* follower.start
      yield* follower.expectLines(range(1, 6))
      assert.deepStrictEqual(follower.reasons(), [])
    }))
})

describe("the place of the file", () => {
  it.live("may be a link that is turned to another file", () =>
    Effect.gen(function*() {
      const { beside, follower, path } = yield* place()
      mkdirSync(beside("logs"))
      writeFileSync(beside("logs/a"), text(range(1, 1)))
      symlinkSync("logs/a", path)
      yield* follower.start
      yield* follower.expectLines(range(1, 1))
      appendFileSync(beside("logs/a"), text(range(2, 2)))
      yield* follower.expectLines(range(1, 2))
      writeFileSync(beside("logs/b"), text(range(3, 3)))
      symlinkSync("logs/b", beside("turned"))
      renameSync(beside("turned"), path)
      yield* follower.expectLines(range(1, 3))
    }))

  it.live("may be in a directory that is exchanged for another", () =>
    Effect.gen(function*() {
      const directory = yield* scratch
      const path = join(directory, "log", "dnsmasq.log")
      mkdirSync(join(directory, "log"))
      writeFileSync(path, text(range(1, 1)))
      const follower = new Follower({ path })
      yield* follower.start
      yield* follower.expectLines(range(1, 1))
      renameSync(join(directory, "log"), join(directory, "old"))
      mkdirSync(join(directory, "log"))
      writeFileSync(path, text(range(2, 2)))
      yield* follower.expectLines(range(1, 2))
      appendFileSync(path, text(range(3, 3)))
      yield* follower.expectLines(range(1, 3))
      yield* follower.close
    }))

  it.live("may hold another file with the same inode number after a restart", () =>
    Effect.gen(function*() {
      const { append, beside, follower, path } = yield* place()
      append(range(1, 3))
      const { ino } = statSync(path)
      yield* follower.start
      yield* follower.expectLines(range(1, 3))
      yield* follower.close
      copyFileSync(path, beside("dnsmasq.log.1"))
      truncateSync(path)
      append(["another 1", "another 2", "another 3"])
      assert.strictEqual(statSync(path).ino, ino)
      yield* follower.start
      yield* follower.expectLines([...range(1, 3), "another 1", "another 2", "another 3"])
      assert.deepStrictEqual(follower.reasons(), [])
    }))

  it.live("is waited for when it may not be read", () =>
    Effect.gen(function*() {
      const { append, follower, path } = yield* place()
      append(range(1, 1))
      chmodSync(path, 0)
      const asNobody = process.getuid?.() === 0
      if (asNobody) process.seteuid?.(65_534)
      yield* follower.start.pipe(
        Effect.ensuring(Effect.sync(() => asNobody ? process.seteuid?.(0) : chmodSync(path, 0o600)))
      )
      yield* follower.expectLines(range(1, 1))
      yield* follower.expectNoProblem
    }))

  it.live("is waited for when there is no file but something else", () =>
    Effect.gen(function*() {
      const { append, follower, path } = yield* place()
      assert.strictEqual(spawnSync("mkfifo", [path]).status, 0)
      yield* follower.start
      assert.match(follower.problem() ?? "", /^log file cannot be read: .*not a regular file/u)
      unlinkSync(path)
      append(range(1, 1))
      yield* follower.expectLines(range(1, 1))
    }))

  it.live("does not decide what ids are made of", () =>
    Effect.gen(function*() {
      const { append, beside, follower, path } = yield* place()
      append(range(1, 2))
      yield* follower.start
      yield* follower.expectLines(range(1, 2))
      linkSync(path, beside("elsewhere"))
      const other = new Follower({ path: beside("elsewhere") })
      yield* other.start
      yield* other.expectLines(range(1, 2))
      yield* other.close
      assert.deepStrictEqual(other.found, follower.found)
      rmSync(beside("elsewhere"))
    }))
})
