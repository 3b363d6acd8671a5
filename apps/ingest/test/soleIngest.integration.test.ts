import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { assert, describe, it, onTestFinished } from "vitest"
import { assertSameLines } from "./harness/EventStream.ts"
import { IngestProcess } from "./harness/IngestProcess.ts"
import { openSite } from "./harness/openSite.ts"

describe("the state directory", () => {
  it("is one ingest's: a second one says whose, ends, and does no harm", async () => {
    const { directory, ingest, path, source, state, stream } = await openSite()
    writeFileSync(path, source.take(5))
    ingest.start()
    await stream.reaches(5)
    const before = readFileSync(join(state, "holder"), "utf8")
    const byAnotherName = join(directory, "link")
    symlinkSync(state, byAnotherName)
    const second = new IngestProcess({
      NATS_SERVERS: stream.connection.getServer(),
      INGEST_LOG_FILES: join(directory, "other.log"),
      INGEST_STATE_DIRECTORY: byAnotherName
    })
    onTestFinished(async () => void await second.end("SIGKILL"))
    assert.strictEqual(await second.start().end("SIGCONT"), 1)
    const [said, ...more] = second.log()
    assert.deepStrictEqual(more, [])
    assert.strictEqual(
      said?.["error"],
      `the state directory ${byAnotherName} belongs to another ingest, ${before.trim()}`
    )
    assert.match(before, new RegExp(`^process ${ingest.pid()} on ${hostname()} since \\d{4}-`, "u"))
    assert.strictEqual(readFileSync(join(state, "holder"), "utf8"), before)
    assert.isTrue(ingest.isRunning())
    writeFileSync(path, source.take(5), { flag: "a" })
    await stream.reaches(10)
    assertSameLines(await stream.lines(), source.lines)
  })

  it("is free at once when its ingest was killed, whatever that left behind", async () => {
    const { ingest, path, source, state, stream } = await openSite()
    writeFileSync(path, source.take(5))
    ingest.start()
    await stream.reaches(5)
    assert.strictEqual(await ingest.end("SIGKILL"), "SIGKILL")
    assert.deepStrictEqual(readdirSync(state).filter((name) => name.startsWith("lock")), ["lock"])
    // As in a container that was started anew: the process of before has the number of one that lives.
    writeFileSync(join(state, "holder"), `process ${process.pid} on ${hostname()} since before\n`)
    writeFileSync(path, source.take(5), { flag: "a" })
    ingest.start()
    await stream.reaches(10)
    assert.match(readFileSync(join(state, "holder"), "utf8"), new RegExp(`^process ${ingest.pid()} `, "u"))
    assert.strictEqual(await ingest.end(), 130)
  })

  it("stops no ingest when it cannot be locked", async () => {
    const { directory, ingest, path, source, stream } = await openSite()
    writeFileSync(path, source.take(5))
    writeFileSync(join(directory, "file"), "")
    ingest.start({ INGEST_STATE_DIRECTORY: join(directory, "file", "state") })
    await stream.reaches(5)
    assert.isTrue(ingest.said("state directory cannot be locked"))
  })
})
