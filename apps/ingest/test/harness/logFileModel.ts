/**
 * Random writing, rotating, pausing and restarting around one follower of a log. Whatever the order, every line must be
 * read, as it was written, with an id of its own. The seed tells the story; only the timing differs.
 *
 * In rough stories rotations take their time, and the follower is killed, between any two steps: a line that is read
 * again must have the id that it had.
 */
import { Effect } from "effect"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import { assert } from "vitest"
import { eventually, Follower } from "./Follower.ts"
import { LogWriter } from "./LogWriter.ts"
import { randomFrom } from "./random.ts"
import { scratch } from "./scratch.ts"

type Actions = Readonly<Record<string, readonly [weight: number, act: () => Effect.Effect<void>]>>

export const runModel = Effect.fnUntraced(function*(seed: number, manners: "gentle" | "rough") {
  const random = randomFrom(seed)
  const directory = yield* scratch
  const path = join(directory, "dnsmasq.log")
  const writer = new LogWriter(path)
  const follower = new Follower({ path, chunkBytes: 256 })
  const written: Array<string> = []
  const story: Array<string> = []
  let open = ""
  const sameBeginning = random.chance(0.5)
  const write = (text: string) => {
    const lines = `${open}${text}`.split("\n")
    open = lines.pop() ?? ""
    written.push(...lines)
    writer.write(text)
  }
  const begin = () => {
    if (sameBeginning && open === "") write(`started\n${line()}\n`)
  }
  let lines = 0
  const line = () => `line ${++lines} ${"x".repeat(random.below(40))}`
  const kill = () => Effect.andThen(follower.kill(random.below(6)), follower.start)
  const slowly = Effect.fnUntraced(function*(steps: Generator<void>) {
    while (steps.next().done !== true) {
      for (let turns = random.below(6); turns > 0; turns--) yield* Effect.promise(() => setImmediate())
      if (random.chance(0.1)) yield* kill()
    }
  })
  const gentle: Actions = {
    write: [
      8,
      () => Effect.sync(() => write(Array.from({ length: 1 + random.below(5) }, () => `${line()}\n`).join("")))
    ],
    part: [2, () => Effect.sync(() => write(line()))],
    rename: [2, () => Effect.sync(() => writer.rename(random.chance(0.5)))],
    reopen: [3, () =>
      Effect.sync(() => {
        if (open !== "") write("\n")
        writer.reopen()
        begin()
      })],
    copyAndTruncate: [2, () =>
      Effect.sync(() => {
        if (open !== "") write("\n")
        writer.copyAndTruncate()
      })],
    restart: [1, () => Effect.andThen(follower.close, follower.start)],
    stop: [1, () => follower.close],
    start: [2, () => Effect.andThen(follower.close, follower.start)],
    pause: [1, () => follower.pause],
    wait: [3, () => Effect.sleep(`${random.below(40)} millis`)]
  }
  const rough: Actions = {
    renameSlowly: [2, () => slowly(writer.renaming(random.chance(0.5)))],
    copyAndTruncateSlowly: [2, () =>
      Effect.suspend(() => {
        if (open !== "") write("\n")
        return slowly(writer.copyingAndTruncating())
      })],
    kill: [2, kill]
  }
  const deck = Object.entries(manners === "rough" ? { ...gentle, ...rough } : gentle).flatMap(([name, [weight, act]]) =>
    Array.from({ length: weight }, () => [name, act] as const)
  )
  begin()
  yield* follower.start
  for (let n = 0; n < 40; n++) {
    const [name, act] = random.pick(deck)
    story.push(name)
    yield* act()
  }
  if (open !== "") write("\n")
  yield* follower.close
  yield* follower.start
  const told = `${manners} seed ${seed}: ${story.join(" ")}`
  yield* eventually(
    told,
    () => ({ read: follower.distinct().length, written: written.length, losses: follower.reasons() }),
    ({ read, written }) => read >= written
  )
  yield* follower.close
  writer.close()
  assert.deepStrictEqual(follower.reasons(), [], told)
  assert.deepStrictEqual(follower.distinct().map(({ line }) => line), written, told)
}, Effect.scoped)
