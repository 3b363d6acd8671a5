/**
 * A daemon that is killed (SIGKILL) at random moments, again and again, while its log grows and is rotated. At the end
 * the stream must hold each line's event once, in the order of the lines, with times in the same order.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { assert } from "vitest"
import { assertSameLines } from "./EventStream.ts"
import { LogWriter } from "./LogWriter.ts"
import { openSite } from "./openSite.ts"
import { randomFrom } from "./random.ts"

export const killStory = async (seed: number, rounds: number): Promise<void> => {
  const { ingest, path, source, stream } = await openSite({ INGEST_CHECKPOINT_INTERVAL: "30 millis" })
  const random = randomFrom(seed)
  const writer = new LogWriter(path)
  const ends: Array<number | string> = []
  const write = async () => {
    for (let n = 0; n < rounds || ends.length < 3; n++) {
      writer.write(source.take(1 + random.below(60)))
      if (random.chance(0.08)) {
        writer.rename(random.chance(0.5))
        writer.write(source.take(random.below(5)))
        writer.reopen()
      } else if (random.chance(0.04)) {
        writer.copyAndTruncate()
      }
      await sleep(random.below(60))
    }
  }
  const kill = async (end: AbortSignal) => {
    while (!end.aborted) {
      await sleep(random.below(300))
      ends.push(await ingest.end("SIGKILL"))
      ingest.start()
      await ingest.says("following log file")
    }
  }
  ingest.start()
  await ingest.says("following log file")
  const written = new AbortController()
  await Promise.all([write().finally(() => written.abort()), kill(written.signal)])
  writer.close()
  await stream.reaches(source.lines.length)
  const reached = await stream.count()
  assert.isAtLeast(reached, source.lines.length, `seed ${seed}, after ${ends.length} kills: ${ingest.output()}`)
  await ingest.end()
  const events = await stream.events()
  assert.deepStrictEqual(events.filter(({ kind }) => kind === "gap"), [])
  assertSameLines(await stream.lines(), source.lines)
  assert.strictEqual(new Set(events.map(({ id }) => id)).size, source.lines.length)
  const times = events.map(({ at }) => at)
  assert.deepStrictEqual(times, times.toSorted())
  assert.strictEqual(new Set(times).size, source.lines.length)
}
