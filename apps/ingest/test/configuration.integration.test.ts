import { eventuallyHolds } from "@leasehold/devstack/test"
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { assertSameLines } from "./harness/EventStream.ts"
import { openSite } from "./harness/openSite.ts"
import { WatchBuckets } from "./harness/WatchBuckets.ts"

const openWatched = async (env: Readonly<Record<string, string>> = {}) => {
  const site = await openSite({ INGEST_CHECKPOINT_INTERVAL: "30 millis", ...env })
  const buckets = await WatchBuckets.make(site.stream)
  const log = (name: string) => {
    const path = join(site.directory, name)
    const lines: Array<string> = []
    writeFileSync(path, "")
    return {
      path,
      write: (count: number) => {
        const text = site.source.take(count)
        lines.push(...text.split("\n").slice(0, -1))
        appendFileSync(path, text)
      },
      /** Its lines are on the stream, each once and in their order. */
      assertWhole: async () => {
        const events = await site.stream.events()
        const of = events.filter(({ provenance }) => provenance?.path === path)
        assertSameLines(of.map(({ provenance }) => provenance?.line ?? ""), lines)
        assert.strictEqual(new Set(of.map(({ id }) => id)).size, lines.length)
      }
    }
  }
  return { ...site, buckets, log }
}

const paths = ({ sources }: { readonly sources: ReadonlyArray<{ readonly path: string }> }) =>
  sources.map(({ path }) => path).toSorted()

describe("a configuration at run time", () => {
  it("adds and removes files, through kill -9 in between, and nothing is lost or doubled", async () => {
    const { buckets, ingest, log, stream } = await openWatched({ INGEST_WINDOW_MESSAGES: "1" })
    const [a, b, c] = [log("a.log"), log("b.log"), log("c.log")]
    const env = { INGEST_LOG_FILES: a.path }
    let total = 0
    const write = (file: typeof a, count: number) => {
      file.write(count)
      total += count
    }
    const arrived = async () => {
      await stream.reaches(total)
      assert.strictEqual(await stream.count(), total)
    }
    const kill = async () => {
      await ingest.end("SIGKILL")
      ingest.start(env)
    }
    write(a, 100)
    ingest.start(env)
    await arrived()

    write(b, 100)
    await buckets.configure({ logFiles: [a.path, b.path] })
    write(a, 20)
    await arrived()
    assert.strictEqual(ingest.log().filter(({ message }) => message === "following log file").length, 2)

    // What was written while a file was wanted is read, although it is taken away, and the ingest killed, at once.
    write(b, 2_000)
    const revision = await buckets.configure({ logFiles: [c.path, a.path] })
    await eventuallyHolds(
      "the ingest takes the configuration",
      () => ingest.log().map((line) => line["revision"]),
      (revisions) => revisions.includes(revision)
    )
    await kill()
    write(c, 100)
    write(a, 30)
    await arrived()
    const without = await buckets.reported((report) =>
      report.configurationRevision === revision && report.sources.length === 2
    )
    assert.deepStrictEqual(paths(without), [a.path, c.path])

    // Taken up again, it goes on where it was left.
    write(b, 10)
    write(c, 50)
    const last = await buckets.configure({ logFiles: [b.path, c.path] })
    write(c, 40)
    await kill()
    await arrived()
    const now = await buckets.reported((report) => report.configurationRevision === last && report.sources.length === 2)
    assert.deepStrictEqual(paths(now), [b.path, c.path])
    write(c, 1_500)
    await buckets.configure({ logFiles: [b.path] })
    await arrived()
    assert.strictEqual(await ingest.end(), 130)
    for (const file of [a, b, c]) await file.assertWhole()
  })

  it("is refused as a whole when a path of it may not be read, and the one before stays", async () => {
    const { buckets, directory, ingest, log, path, stream } = await openWatched()
    const allowed = join(directory, "allowed")
    const outside = join(directory, "outside")
    mkdirSync(allowed)
    mkdirSync(outside)
    writeFileSync(join(outside, "secret.log"), "")
    symlinkSync(join(outside, "secret.log"), join(allowed, "link.log"))
    symlinkSync(outside, join(allowed, "directory"))
    symlinkSync(join(outside, "later.log"), join(allowed, "dangling.log"))
    symlinkSync("circle.log", join(allowed, "circle.log"))
    const good = log("allowed/good.log")
    good.write(5)
    ingest.start({ INGEST_ALLOWED_DIRECTORIES: allowed })
    // The file of the start lies outside the allowed directories, and is allowed all the same.
    const revision = await buckets.configure({ logFiles: [path, good.path] })
    await stream.reaches(5)

    const refused: ReadonlyArray<readonly [unknown, RegExp]> = [
      [join(outside, "secret.log"), /secret\.log is not under an allowed directory/u],
      [`${allowed}-twin/x.log`, /-twin\/x\.log is not under an allowed directory/u],
      [join(allowed, "link.log"), /link\.log leads to .*outside\/secret\.log, which is not under/u],
      [join(allowed, "directory", "new.log"), /leads to .*outside\/new\.log, which is not under/u],
      [join(allowed, "dangling.log"), /dangling\.log leads to .*outside\/later\.log, which is not under/u],
      [join(allowed, "circle.log"), /nobody can say where .*circle\.log leads/u],
      ["good.log", /^logFiles\.1: expected an absolute path/u],
      [`${allowed}/../outside/secret.log`, /^logFiles\.1: expected an absolute path/u],
      [`${allowed}/a\nb.log`, /^logFiles\.1: /u],
      [7, /^logFiles\.1: /u]
    ]
    for (const [wrong, reason] of refused) {
      await buckets.configure({ logFiles: [good.path, wrong] })
      const report = await buckets.reported(({ configurationProblem }) => reason.test(configurationProblem ?? ""))
      assert.match(report.configurationProblem ?? "", reason)
      assert.strictEqual(report.configurationRevision, revision)
      assert.deepStrictEqual(paths(report), [good.path, path].toSorted())
    }
    await buckets.configure({ logFiles: Array.from({ length: 65 }, (_, n) => join(allowed, `${n}.log`)) })
    await buckets.reported(({ configurationProblem }) =>
      configurationProblem?.startsWith("logFiles: expected at most 64 paths") === true
    )
    await buckets.put("no JSON")
    await buckets.reported(({ configurationProblem }) => configurationProblem?.startsWith("body: ") === true)

    const last = await buckets.configure({ logFiles: [good.path] })
    const report = await buckets.reported((one) => one.configurationRevision === last)
    assert.strictEqual(report.configurationProblem, undefined)

    // A link that is turned later is found at the next look.
    rmSync(good.path)
    symlinkSync(join(outside, "secret.log"), good.path)
    await buckets.configure({ logFiles: [good.path] })
    const turned = await buckets.reported((one) => one.configurationRevision === 0)
    assert.match(turned.configurationProblem ?? "", /good\.log leads to .*secret\.log/u)
  })

  it(
    "is remembered for a restart without the bus, and without its bucket, and forgotten when it is taken back",
    async () => {
      const { buckets, ingest, log, path, startBus, state, stopBus, stream } = await openWatched()
      const other = log("other.log")
      ingest.start()
      const revision = await buckets.configure({ logFiles: [other.path] })
      await buckets.reported((report) => report.configurationRevision === revision)
      await buckets.deleteConfigBucket()
      await stopBus()
      await ingest.end("SIGKILL")
      other.write(10)
      ingest.start()
      await ingest.says("connecting to nats")
      await startBus()
      await stream.reaches(10)
      await other.assertWhole()
      const report = await buckets.reported((one) => one.sources.some(({ events }) => events === 10))
      assert.strictEqual(report.configurationRevision, revision)
      assert.deepStrictEqual(paths(report), [other.path])
      assert.strictEqual(report.key, `lab.${readFileSync(join(state, "instance"), "utf8").trim()}`)
      await ingest.says("no configuration to be had from the bus")
      assert.strictEqual(ingest.log().filter(({ message }) => message.startsWith("no configuration")).length, 1)

      const again = await WatchBuckets.make(stream)
      await again.unconfigure()
      const back = await again.reported((one) => one.configurationRevision === 0)
      assert.deepStrictEqual(
        paths(await again.reported((one) => one.sources.length === 1 && one.sources[0]?.path === path)),
        [path]
      )
      assert.strictEqual(back.key, report.key)
    }
  )

  it("is kept to, and progress written down, by a daemon whose clock runs backwards", async () => {
    const { buckets, ingest, log, remembers, stream } = await openWatched({
      NODE_OPTIONS: `--import=${new URL("harness/turnClock.ts", import.meta.url).pathname}`,
      INGEST_ROTATION_QUIET: "500 millis"
    })
    const [a, b] = [log("a.log"), log("b.log")]
    a.write(5)
    ingest.start({ INGEST_LOG_FILES: a.path })
    await stream.reaches(5)
    await remembers(readFileSync(a.path).length)
    ingest.signal("SIGUSR2")

    // Lines that are no events are written down after some seconds only.
    appendFileSync(a.path, "something else\n")
    await remembers(readFileSync(a.path).length)

    // A rotated file that is quiet is at its end, and a line without one a gap.
    appendFileSync(a.path, "Nov 20 00:00:00 dnsmasq-dhcp[12]: DHCPACK(br0) 10.0.0.9")
    renameSync(a.path, `${a.path}.1`)
    a.write(1)
    await stream.reaches(7)

    await buckets.configure({ logFiles: [b.path] })
    await ingest.says("log file left")
    b.write(1)
    await stream.reaches(8)
    assert.deepStrictEqual(
      (await stream.events()).flatMap(({ kind, reason }) => kind === "gap" ? [reason] : []),
      ["the last line of a rotated log file has no end"]
    )
  })

  it("changes the zone from the next line on", async () => {
    const { buckets, ingest, path, stream } = await openWatched()
    const line = (n: number) => `Nov 20 12:00:0${n} dnsmasq-dhcp[12]: DHCPACK(br0) 10.0.0.${n} 02:00:00:00:00:0${n} \n`
    writeFileSync(path, line(1))
    ingest.start()
    await stream.reaches(1)
    const revision = await buckets.configure({ logFiles: [], zone: "Asia/Tokyo" })
    await buckets.reported((report) => report.configurationRevision === revision)
    appendFileSync(path, line(2))
    await stream.reaches(2)
    const hours = (await stream.events()).map(({ at }) => at.slice(5, 19))
    assert.deepStrictEqual(hours, ["11-20T12:00:01", "11-20T03:00:02"])
  })
})
