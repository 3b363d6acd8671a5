import { eventuallyHolds } from "@leasehold/devstack/test"
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { assert, describe, it } from "vitest"
import { assertSameLines } from "./harness/EventStream.ts"
import { killStory } from "./harness/killStory.ts"
import { openSite } from "./harness/openSite.ts"

describe("nothing is lost, nothing is doubled, nothing changes places", () => {
  it("through kill -9 at random moments while the log grows and is rotated", () => killStory(20_261_122, 150))

  it("through the loss and the damage of its checkpoints", async () => {
    const { ingest, path, source, state, stream } = await openSite()
    writeFileSync(path, source.take(3_000))
    ingest.start()
    await stream.reaches(3_000)
    await ingest.end("SIGKILL")
    rmSync(state, { recursive: true })
    appendFileSync(path, source.take(10))
    ingest.start()
    await stream.reaches(3_010)
    await ingest.end()
    const name = readdirSync(state).find((file) => file.endsWith(".json")) ?? ""
    writeFileSync(join(state, name), "{\"version\":1,\"position\":")
    appendFileSync(path, source.take(10))
    ingest.start()
    await stream.reaches(3_021)
    await ingest.end()
    assert.isTrue(ingest.said("checkpoint set aside"))
    assert.includeMembers(readdirSync(state), [name, `${name}.aside`])
    assertSameLines(await stream.lines(), source.lines)
  })

  it("through kills and restarts of the bus in the middle of a stream", async () => {
    const { ingest, killBus, path, source, startBus, stream } = await openSite()
    writeFileSync(path, "")
    ingest.start()
    for (let round = 0; round < 5; round++) {
      appendFileSync(path, source.take(4_000))
      await stream.reaches(round * 4_000 + 500 + round * 300)
      await killBus()
      appendFileSync(path, source.take(100))
      await startBus()
    }
    await stream.reaches(source.lines.length)
    assertSameLines(await stream.lines(), source.lines)
  })

  it("while the bus is away: the checkpoint does not move, and the ingest ends all the same", async () => {
    const { ingest, offset, path, remembers, source, startBus, stopBus, stream } = await openSite()
    writeFileSync(path, source.take(2_000))
    ingest.start()
    await stream.reaches(2_000)
    const before = readFileSync(path).length
    await remembers(before)
    await stopBus()
    appendFileSync(path, source.take(20_000))
    await sleep(500)
    assert.strictEqual(offset(), before)
    const begin = performance.now()
    assert.strictEqual(await ingest.end(), 130)
    assert.isBelow(performance.now() - begin, 15_000)
    assert.strictEqual(offset(), before)
    await startBus()
    ingest.start()
    await stream.reaches(source.lines.length)
    assertSameLines(await stream.lines(), source.lines)
  })

  it("while the bus is away: reading stops and memory stays, however much is written", async () => {
    const { ingest, path, remembers, source, stopBus, stream } = await openSite()
    writeFileSync(path, source.take(2_000))
    ingest.start()
    await stream.reaches(2_000)
    await remembers(readFileSync(path).length)
    await stopBus()
    const [read, resident] = [ingest.readBytes(), ingest.residentBytes()]
    const part = source.take(50_000)
    for (let n = 0; n < 50; n++) appendFileSync(path, part)
    assert.isAbove(statSync(path).size, 180_000_000)
    let last = read
    await eventuallyHolds("next to nothing is read for a second", async () => {
      last = ingest.readBytes()
      await sleep(1_000)
      return ingest.readBytes() - last
    }, (more) => last > read && more < 100_000)
    assert.isBelow(ingest.readBytes() - read, 90_000_000)
    assert.isBelow(ingest.residentBytes() - resident, 90_000_000)
  })

  it("while the bus hangs: the daemon ends all the same, and its checkpoint does not move", async () => {
    const { ingest, offset, path, remembers, signalBus, source, stream } = await openSite()
    writeFileSync(path, source.take(500))
    ingest.start()
    await stream.reaches(500)
    const before = readFileSync(path).length
    await remembers(before)
    signalBus("SIGSTOP")
    try {
      appendFileSync(path, source.take(500))
      await sleep(500)
      const begin = performance.now()
      assert.strictEqual(await ingest.end(), 130)
      assert.isBelow(performance.now() - begin, 15_000)
      assert.strictEqual(offset(), before)
    } finally {
      signalBus("SIGCONT")
    }
    ingest.start()
    await stream.reaches(1_000)
    assertSameLines(await stream.lines(), source.lines)
  })
})
