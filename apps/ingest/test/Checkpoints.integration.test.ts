import { eventuallyHolds } from "@leasehold/devstack/test"
import { appendFileSync, lstatSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { assertSameLines } from "./harness/EventStream.ts"
import { LogWriter } from "./harness/LogWriter.ts"
import { openSite } from "./harness/openSite.ts"

const openWritten = async (env: Readonly<Record<string, string>> = {}) => {
  const site = await openSite(env)
  const writer = new LogWriter(site.path)
  const checkpoint = () => join(site.state, readdirSync(site.state).find((file) => file.endsWith(".json")) ?? "")
  const assertWhole = async (gaps: number) => {
    const events = await site.stream.events()
    const reasons = events.filter(({ kind }) => kind === "gap").map(({ reason }) => reason)
    assert.deepStrictEqual(
      reasons,
      Array(gaps).fill("the checkpoint was lost: what was not read of rotated logs may be missing")
    )
    const lines = (await site.stream.lines()).toSorted()
    assertSameLines(lines, site.source.lines.toSorted())
    assert.strictEqual(new Set(events.map(({ id }) => id)).size, events.length)
  }
  return {
    ...site,
    write: (count: number) => writer.write(site.source.take(count)),
    rotate: () => {
      writer.rename(true)
      writer.reopen()
    },
    checkpoint,
    assertWhole
  }
}

describe("a checkpoint that is there and cannot be used", () => {
  it("has all files of the log read and a gap told, wherever a log that is new is begun", async () => {
    const { assertWhole, checkpoint, directory, ingest, path, rotate, stream, write } = await openWritten({
      INGEST_START: "end"
    })
    write(3)
    ingest.start()
    await ingest.says("following log file")
    write(2)
    await stream.reaches(2)
    assert.strictEqual(await stream.count(), 2)
    await ingest.end()
    const file = checkpoint()
    writeFileSync(file, "{\"version\":1,\"position\":")
    for (let n = 0; n < 2; n++) {
      write(2)
      rotate()
    }
    write(1)
    // One that was never read is new, whatever became of others.
    const other = join(directory, "other.log")
    writeFileSync(other, "Nov 20 00:00:00 dnsmasq-dhcp[12]: DHCPACK(br0) 10.9.9.9 02:00:00:09:09:09 other\n")
    ingest.start({ INGEST_LOG_FILES: `${path},${other}` })
    await stream.reaches(11)
    assert.isTrue(ingest.said("checkpoint set aside"))
    assert.strictEqual(readFileSync(`${file}.aside`, "utf8"), "{\"version\":1,\"position\":")
    await ingest.end()
    write(1)
    ingest.start({ INGEST_LOG_FILES: `${path},${other}` })
    await stream.reaches(12)
    await assertWhole(1)
  })

  it("is not forgotten by a kill before its gap is stored", async () => {
    const { assertWhole, checkpoint, ingest, rotate, startBus, stopBus, stream, write } = await openWritten()
    write(3)
    ingest.start()
    await stream.reaches(3)
    await ingest.end()
    writeFileSync(checkpoint(), "")
    write(2)
    rotate()
    write(1)
    await stopBus()
    for (let n = 0; n < 2; n++) {
      ingest.start()
      await ingest.says("checkpoint set aside")
      await ingest.end(n === 0 ? "SIGKILL" : "SIGTERM")
    }
    await startBus()
    ingest.start()
    await stream.reaches(7)
    await assertWhole(1)
  })

  it("may be one that cannot be read, time and again", async () => {
    const { assertWhole, checkpoint, ingest, rotate, stream, write } = await openWritten()
    write(3)
    ingest.start()
    await stream.reaches(3)
    for (const round of [1, 2]) {
      await ingest.end()
      const file = checkpoint()
      rmSync(file)
      symlinkSync(file, file)
      write(2)
      rotate()
      write(1)
      ingest.start()
      await stream.reaches(3 + round * 4)
      await eventuallyHolds("there is a checkpoint again", () => lstatSync(file), (status) => status.isFile())
    }
    await assertWhole(2)
  })

  it("has compressed files, which it cannot read, told by the one gap", async () => {
    const { assertWhole, checkpoint, ingest, path, stream, write } = await openWritten()
    for (const n of [1, 2, 3]) writeFileSync(`${path}.${n}.gz`, "compressed")
    write(3)
    ingest.start()
    await stream.reaches(3)
    await ingest.end()
    writeFileSync(checkpoint(), "{}")
    write(1)
    ingest.start()
    await stream.reaches(5)
    await ingest.end()
    appendFileSync(checkpoint(), "damaged")
    ingest.start()
    await stream.reaches(6)
    await assertWhole(2)
  })
})
