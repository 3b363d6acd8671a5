import { freePort } from "@leasehold/devstack"
import { eventuallyHolds } from "@leasehold/devstack/test"
import { DHCP } from "@leasehold/events"
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { assert, describe, it } from "vitest"
import { assertSameLines } from "./harness/EventStream.ts"
import { openSite } from "./harness/openSite.ts"

describe("the daemon", () => {
  it("publishes every line, ends on SIGTERM, and goes on where it was", async () => {
    const { ingest, offset, path, source, stream } = await openSite()
    writeFileSync(path, source.take(1_000))
    ingest.start()
    await stream.reaches(1_000)
    assert.strictEqual(await ingest.end(), 130)
    assert.strictEqual(offset(), readFileSync(path).length)
    appendFileSync(path, source.take(500))
    ingest.start()
    await stream.reaches(1_500)
    await ingest.end()
    assertSameLines(await stream.lines(), source.lines)
    const { state } = await stream.manager.streams.info(DHCP.name)
    assert.strictEqual(state.last_seq, 1_500)
  })

  it("hears of a new line from the kernel, not at its next look", async () => {
    const { ingest, path, source, stream } = await openSite({ INGEST_POLL_INTERVAL: "10 minutes" })
    writeFileSync(path, source.take(1))
    ingest.start()
    await stream.reaches(1)
    appendFileSync(path, source.take(1))
    await stream.reaches(2)
    assert.strictEqual(await stream.count(), 2)
  })

  it("ends soon when the bus was never there, and begins when it comes", async () => {
    const { ingest, path, source, startBus, stopBus, stream } = await openSite()
    await stopBus()
    writeFileSync(path, source.take(10))
    ingest.start()
    await ingest.says("connecting to nats")
    const begin = performance.now()
    assert.strictEqual(await ingest.end(), 130)
    assert.isBelow(performance.now() - begin, 15_000)
    ingest.start()
    await sleep(500)
    await startBus()
    await stream.reaches(10)
    assertSameLines(await stream.lines(), source.lines)
  })

  it("follows several files, of which a missing one holds up no other", async () => {
    const { directory, ingest, path, source, stream } = await openSite()
    const other = join(directory, "later", "other.log")
    writeFileSync(path, source.take(10))
    ingest.start({ INGEST_LOG_FILES: `${other}, ${path}` })
    await stream.reaches(10)
    assert.isTrue(ingest.said("log file is missing, waiting for it"))
    mkdirSync(join(directory, "later"))
    writeFileSync(other, source.take(10))
    await stream.reaches(20)
    assertSameLines(await stream.lines(), source.lines)
  })

  it("tells its health and what it did", async () => {
    const port = await freePort()
    const { ingest, path, source, startBus, stopBus, stream } = await openSite({ INGEST_OPS_PORT: String(port) })
    const get = async (name: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}/${name}`).catch(() => undefined)
      return `${answer?.status} ${await answer?.text()}`
    }
    const answers = (name: string, text: string) =>
      eventuallyHolds(`${name} tells "${text}"`, () => get(name), (answer) => answer.includes(text))
    ingest.start()
    await answers("healthz", `503 ${path}: log file is missing, waiting for it\n`)
    writeFileSync(path, source.take(7))
    await stream.reaches(7)
    await answers("healthz", "200 ok\n")
    const metrics = await answers("metrics", "ingest_acknowledged_events_total 7\n")
    assert.include(metrics, `ingest_events_total{file="${path}",kind="ack"} 7\n`)
    await stopBus()
    await answers("healthz", "503 nats: not connected\n")
    await startBus()
    await answers("healthz", "200 ok\n")
  })

  it("warns when there is nothing of dnsmasq in its log", async () => {
    const { ingest, path } = await openSite()
    writeFileSync(path, "something else\n".repeat(200))
    ingest.start()
    await ingest.says("no line of dnsmasq-dhcp in this log file")
  })

  it("says which setting is wrong", async () => {
    const { ingest } = await openSite()
    assert.strictEqual(await ingest.start({ INGEST_SERVER: "Not a server" }).end("SIGCONT"), 1)
    assert.match(ingest.output(), /INGEST_SERVER is not a server id of 1 to 63 lower-case letters/u)
    for (const name of ["INGEST_WINDOW_BYTES", "INGEST_WINDOW_MESSAGES", "INGEST_CHUNK_BYTES"]) {
      assert.strictEqual(await ingest.start({ [name]: "99999999999" }).end("SIGCONT"), 1)
      assert.match(ingest.output(), new RegExp(`${name} is not a whole number from \\d+ to \\d+`, "u"))
    }
  })
})
