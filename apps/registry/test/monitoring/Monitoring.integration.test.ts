import { eventually } from "@leasehold/devstack/test"
import { Clock, Duration, Effect } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it, onTestFinished } from "vitest"
import { IngestProcess } from "../../../ingest/test/harness/IngestProcess.ts"
import { caller, openMonitoring, statesOf } from "./openMonitoring.ts"

/** The same, half a minute and a second later. */
const later = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Effect.service(Clock.Clock), (clock) => {
    const shifted: Clock.Clock = Object.assign(Object.create(clock), {
      currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + 31_000,
      currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + 31_000)
    })
    return Effect.provideService(self, Clock.Clock, shifted)
  })

describe("configuring what is watched", () => {
  it("keeps it, numbers it, logs it, and does neither for what changes nothing nor in a dry run", async () => {
    const { database, mirrored, replica } = await openMonitoring()
    const { monitoring, run } = await replica()
    const wanted = { server: "lab", logFiles: ["/var/log/a.log"], zone: "Europe/Berlin" }
    const trial = await run(monitoring.configure(caller, wanted, true))
    assert.strictEqual(trial.configuration.revision, 1)
    assert.strictEqual(trial.change, 0n)
    assert.deepStrictEqual(await run(monitoring.configurations("")), [])

    const first = await run(monitoring.configure(caller, wanted, false))
    assert.isAbove(Number(first.change), 0)
    assert.match(first.configuration.updatedAt, /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/u)
    const same = await run(monitoring.configure(caller, wanted, false))
    assert.deepStrictEqual(same, { configuration: first.configuration, change: 0n })
    const second = await run(monitoring.configure(caller, { ...wanted, zone: "" }, false))
    assert.strictEqual(second.configuration.revision, 2)
    assert.notProperty(second.configuration, "zone")
    await run(monitoring.configure(caller, { ...wanted, server: "attic" }, false))
    assert.deepStrictEqual((await run(monitoring.configurations(""))).map(({ server }) => String(server)), [
      "attic",
      "lab"
    ])
    assert.deepStrictEqual((await run(monitoring.configurations("lab"))).map(({ revision }) => revision), [2])
    await mirrored("lab", { revision: 2, logFiles: wanted.logFiles })
    const log = await database.query<{ actor: string; action: string; label: string }>(
      "SELECT actor, action, label FROM change_log WHERE entity = 'monitoring' ORDER BY id"
    )
    const entry = (label: string) => ({ actor: "local:test", action: "watcher configure", label })
    assert.deepStrictEqual(log, [entry("lab"), entry("lab"), entry("attic")])
  })

  it("is refused with the field that is wrong, and nothing changes", async () => {
    const { database, replica } = await openMonitoring()
    const { monitoring, run } = await replica()
    const refusals: ReadonlyArray<readonly [object, string]> = [
      [{ server: "Not a server" }, "configuration.server"],
      [{ server: "" }, "configuration.server"],
      [{ logFiles: ["/a", "b.log"] }, "configuration.log_files[1]"],
      [{ logFiles: ["/a/../etc/shadow"] }, "configuration.log_files[0]"],
      [{ logFiles: ["/a\u001b[31m"] }, "configuration.log_files[0]"],
      [{ logFiles: Array.from({ length: 65 }, (_, n) => `/${n}`) }, "configuration.log_files"],
      [{ logFiles: ["/a", "/a"] }, "configuration.log_files"],
      [{ zone: "Mars/Olympus" }, "configuration.zone"]
    ]
    for (const [wrong, field] of refusals) {
      const wanted = { server: "lab", logFiles: ["/a"], zone: "", ...wrong }
      const error = await run(Effect.flip(monitoring.configure(caller, wanted, false)))
      assert.deepStrictEqual([error.code, error.violations.map((one) => one.field)], ["invalid-argument", [field]])
      // oxlint-disable-next-line no-control-regex
      assert.notMatch(error.message, /[\u0000-\u001f]/u)
    }
    assert.deepStrictEqual(await database.query("SELECT FROM monitoring_configs"), [])
    assert.deepStrictEqual(await database.query("SELECT FROM change_log"), [])
    for (
      const ask of [Effect.asVoid(statesOf(monitoring, "no server")), Effect.asVoid(monitoring.configurations("a.b"))]
    ) {
      assert.strictEqual((await run(Effect.flip(ask))).code, "invalid-argument")
    }
  })
})

describe("the status of the ingests", () => {
  it("passes over what is no report", async () => {
    const { open, replica } = await openMonitoring()
    const { monitoring, run } = await replica()
    assert.deepStrictEqual(await run(statesOf(monitoring, "")), [])
    const bucket = await eventually("the bucket is there", async () => {
      const bucket = await open("ingest-status")
      return await bucket.status().then(() => bucket, () => undefined)
    })
    const at = "2026-11-22T03:50:23.055763Z"
    const counts = { configurationRevision: 0, published: 1, duplicates: 0, retries: 0 }
    const report = { version: "1", startedAt: at, reportedAt: at, ...counts, sources: [] }
    await bucket.put("lab.0123456789abcdef", JSON.stringify(report))
    await bucket.put("lab.0123456789abcdee", "{")
    await bucket.put("lab.0123456789abcdea", JSON.stringify({ ...report, sources: [{ path: "/a\n" }] }))
    await bucket.put("lab.stranger", JSON.stringify(report))
    await bucket.put("lab", JSON.stringify(report))
    await bucket.put("attic.0123456789abcdef", JSON.stringify(report))
    await bucket.put("cellar.0123456789abcdef", JSON.stringify(report))
    await bucket.delete("cellar.0123456789abcdef")
    const servers = (server: string) =>
      run(Effect.map(statesOf(monitoring, server), (found) => found.map((one) => `${one.server} ${one.instance}`)))
    assert.deepStrictEqual(await servers(""), ["attic 0123456789abcdef", "lab 0123456789abcdef"])
    assert.deepStrictEqual(await servers("lab"), ["lab 0123456789abcdef"])
  })

  it("is told page by page, in order, however many ingests and however large reports there are", async () => {
    const { open, replica } = await openMonitoring()
    const { monitoring, run } = await replica()
    const bucket = await eventually("the bucket is there", async () => {
      const bucket = await open("ingest-status")
      return await bucket.status().then(() => bucket, () => undefined)
    })
    const at = "2026-11-22T03:50:23.055763Z"
    const counts = { configurationRevision: 0, published: 1, duplicates: 0, retries: 0 }
    const source = { type: "log-file", position: 0, lag: 0, lines: 0, events: 0, unknownLines: 0, gaps: 0 }
    const reporting = (files: number) => {
      const sources = Array.from({ length: files }, (_, n) => ({ ...source, path: `/var/log/${n}` }))
      return JSON.stringify({ version: "1", startedAt: at, reportedAt: at, ...counts, sources })
    }
    const names = ["lab", "lab-2", "lab-10", ...Array.from({ length: 120 }, (_, n) => `site-${n}`)]
    await Promise.all(names.map((name) => bucket.put(`${name}.0123456789abcdef`, reporting(1))))
    await bucket.put("site-7.stranger", "{")
    const pagesOf = async (size: number, server = "") => {
      const told: Array<ReadonlyArray<string>> = []
      for (let token = ""; told.length === 0 || token !== "";) {
        const page = await run(monitoring.status(server, { size, token }))
        told.push(page.items.map(({ server }) => String(server)))
        token = page.nextToken
      }
      return told
    }
    const paged = await pagesOf(50)
    assert.deepStrictEqual(paged.map(({ length }) => length), [50, 50, 23])
    assert.deepStrictEqual(paged.flat(), names.toSorted())
    assert.deepStrictEqual((await pagesOf(0)).map(({ length }) => length), [100, 23])
    assert.deepStrictEqual(await pagesOf(5, "lab"), [["lab"]])
    const { nextToken } = await run(monitoring.status("", { size: 3, token: "" }))
    for (const [server, size, token] of [["lab", 3, nextToken], ["", 3, "x"], ["", -1, ""]] as const) {
      const { code } = await run(Effect.flip(monitoring.status(server, { size, token })))
      assert.strictEqual(code, "invalid-argument")
    }

    const large = names.slice(0, 20)
    for (const name of large) await bucket.put(`${name}.0123456789abcdef`, reporting(1_500))
    const sizes = (await pagesOf(1000)).map(({ length }) => length)
    assert.isAbove(sizes.length, 2, "a caller takes a few megabytes in a message")
    assert.strictEqual(sizes.reduce((sum, size) => sum + size, 0), names.length)
  })

  it("is what an ingest does, as old as it is, and stale when the ingest is gone", async () => {
    const { replica, server } = await openMonitoring()
    const { monitoring, run } = await replica()
    const directory = mkdtempSync(join(tmpdir(), "leasehold-monitoring-"))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const [log, other] = [join(directory, "dnsmasq.log"), join(directory, "other.log")]
    const text = (n: number) => `Nov 20 12:00:0${n} dnsmasq-dhcp[12]: DHCPACK(br0) 10.0.0.${n} 02:00:00:00:00:0${n} \n`
    writeFileSync(log, text(1) + text(2))
    writeFileSync(other, text(3))
    const ingest = new IngestProcess({
      NATS_SERVERS: server.url,
      INGEST_LOG_FILES: log,
      INGEST_STATE_DIRECTORY: join(directory, "state")
    })
    onTestFinished(async () => void await ingest.end("SIGKILL"))
    ingest.start()
    const configured = await run(
      monitoring.configure(caller, { server: "lab", logFiles: [log, other], zone: "" }, false)
    )
    const state = await eventually("the ingest tells of both files", async () => {
      const [state, ...more] = await run(statesOf(monitoring, "lab"))
      assert.deepStrictEqual(more, [])
      return state !== undefined && state.report.published === 3 && state.report.sources.every(({ lag }) => lag === 0)
        ? state
        : undefined
    })
    assert.deepStrictEqual(
      state.report.sources.map(({ events, lag, path, position }) => ({ events, lag, path, position })),
      [
        { events: 2, lag: 0, path: log, position: 2 * text(1).length },
        { events: 1, lag: 0, path: other, position: text(3).length }
      ]
    )
    assert.strictEqual(state.report.configurationRevision, configured.configuration.revision)
    assert.isBelow(Duration.toMillis(state.age), 11_000)
    assert.isFalse(state.isStale)

    await run(monitoring.configure(caller, { server: "lab", logFiles: ["/etc/passwd"], zone: "" }, false))
    const refused = await eventually("the refusal is told", async () => {
      const [now] = await run(statesOf(monitoring, "lab"))
      return now?.report.configurationProblem === undefined ? undefined : now
    })
    assert.match(refused.report.configurationProblem ?? "", /\/etc\/passwd is not under an allowed directory/u)
    assert.strictEqual(refused.report.configurationRevision, configured.configuration.revision)
    assert.strictEqual(refused.instance, state.instance)

    await ingest.end("SIGKILL")
    const [gone] = await run(later(statesOf(monitoring, "lab")))
    assert.isTrue(gone?.isStale)
    assert.isAtLeast(Duration.toMillis(gone?.age ?? Duration.zero), 30_000)
  })

  it("is refused as unavailable while the bus is away", async () => {
    const { replica, server } = await openMonitoring()
    const { monitoring, run } = await replica()
    await server.stop()
    const error = await run(Effect.flip(statesOf(monitoring, "lab")))
    assert.strictEqual(error.code, "unavailable")
    assert.match(error.message, /^NATS does not answer/u)
  })
})
