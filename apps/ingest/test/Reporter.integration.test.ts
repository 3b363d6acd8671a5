import { eventuallyHolds } from "@leasehold/devstack/test"
import { DHCP } from "@leasehold/events"
import { connect } from "@nats-io/transport-node"
import { readFileSync, writeFileSync } from "node:fs"
import { assert, describe, it, onTestFinished } from "vitest"
import { openSite } from "./harness/openSite.ts"
import { WatchBuckets } from "./harness/WatchBuckets.ts"
import manifest from "../package.json" with { type: "json" }

const lines = (count: number) =>
  Array.from(
    { length: count },
    (_, n) => `Nov 20 12:00:0${n} dnsmasq-dhcp[12]: DHCPACK(br0) 10.0.0.${n} 02:00:00:00:00:0${n} \n`
  )
    .join("")

describe("the report of an ingest", () => {
  it("says what it read and published, and the last one is of its end", async () => {
    const { ingest, path, stream } = await openSite()
    const buckets = await WatchBuckets.make(stream)
    const text = `${lines(7)}Nov 20 12:00:08 dnsmasq-dhcp[12]: something that no rule knows\n`
    writeFileSync(path, text)
    ingest.start()
    await stream.reaches(7)
    assert.strictEqual(await ingest.end(), 130)
    const report = await buckets.reported(({ sources }) => sources[0]?.lines === 8)
    const { lastEventAt, ...source } = report.sources[0] ?? {}
    assert.strictEqual(lastEventAt, (await stream.events()).at(-1)?.at)
    assert.deepStrictEqual(source, {
      type: "log-file",
      path,
      position: text.length,
      lag: 0,
      lines: 8,
      events: 7,
      unknownLines: 1,
      gaps: 0
    })
    assert.strictEqual(report.published, 7)
    assert.strictEqual(report.duplicates, 0)
    assert.strictEqual(report.configurationRevision, 0)
    assert.strictEqual(report.version, manifest.version)
    assert.isAtLeast(Date.parse(report.reportedAt), Date.parse(report.startedAt))
  })

  it("is there for whoever asks the NATS service", async () => {
    const { ingest, path, stream } = await openSite()
    writeFileSync(path, lines(3))
    ingest.start()
    await stream.reaches(3)
    const ask = async (subject: string) => {
      const answer = await stream.connection.request(subject, "", { timeout: 1_000 }).catch(() => undefined)
      return answer === undefined ? undefined : JSON.parse(answer.string())
    }
    const status = await eventuallyHolds(
      "the service tells of what was published",
      () => ask("ingest.v1.status.lab"),
      (status) => status?.published === 3
    )
    assert.strictEqual(status.sources[0].path, path)
    const ping = await ask("$SRV.PING.ingest")
    assert.strictEqual(ping.type, "io.nats.micro.v1.ping_response")
    assert.strictEqual(ping.metadata.server, "lab")
    assert.strictEqual((await ask("$SRV.INFO.ingest")).endpoints[0].subject, "ingest.v1.status.lab")
    assert.isAtLeast((await ask(`$SRV.STATS.ingest.${ping.id}`)).endpoints[0].num_requests, 1)
  })

  it("costs nothing but a word where the bus grants neither buckets nor services", async () => {
    const { ingest, path, stream } = await openSite(
      { NATS_USER: "ingest", NATS_PASSWORD: "p" },
      `authorization { users: [
        { user: all, password: all },
        { user: ingest, password: p, permissions: {
          publish: ["dhcp.v1.event.lab.*", "$JS.API.INFO", "$JS.API.STREAM.CREATE.DHCP", "$JS.API.STREAM.INFO.DHCP"],
          subscribe: ["_INBOX.>"]
        } }
      ] }`
    )
    await WatchBuckets.make(stream)
    writeFileSync(path, lines(5))
    ingest.start()
    await stream.reaches(5)
    assert.strictEqual(await stream.count(), 5)
    await ingest.says("the bus takes no report")
    await ingest.says("no configuration to be had")
    const said = ingest.log().map(({ message }) => message)
    assert.strictEqual(said.filter((message) => message === "the bus takes no report").length, 1)
    assert.strictEqual(said.filter((message) => message.startsWith("no configuration to be had")).length, 1)
    assert.strictEqual(await ingest.end(), 130)
  })

  it("needs no more rights than the example of infra grants, and these reach no other server", async () => {
    const example = readFileSync(new URL("../../../infra/nats/nats-server.conf", import.meta.url), "utf8")
    const { ingest, path, stream } = await openSite(
      { NATS_USER: "ingest-lab", NATS_PASSWORD: "p" },
      example.replace(/^(?:listen|jetstream).*$/gmu, "").replaceAll(/\$\w+_PASSWORD/gu, "p").replace(
        "users: [",
        "users: [ { user: all, password: all }"
      )
    )
    const buckets = await WatchBuckets.make(stream)
    await stream.manager.streams.add({ name: DHCP.name, subjects: [...DHCP.subjects] })
    writeFileSync(path, lines(5))
    ingest.start()
    await stream.reaches(5)
    const revision = await buckets.configure({ logFiles: [path], zone: "UTC" })
    await buckets.reported((report) => report.configurationRevision === revision && report.published === 5)
    for (const subject of ["ingest.v1.status.lab", "$SRV.PING", "$SRV.INFO.ingest", "$SRV.STATS"]) {
      assert.isAbove((await stream.connection.request(subject, "", { timeout: 2_000 })).data.length, 0, subject)
    }
    assert.isFalse(ingest.said("nats refuses"), ingest.output())
    const own = await connect({ servers: stream.connection.getServer(), user: "ingest-lab", pass: "p" })
    onTestFinished(() => own.close())
    const get = "$JS.API.DIRECT.GET.KV_ingest-config.$KV.ingest-config"
    const forbidden = [`${get}.shop`, "$KV.ingest-status.shop.0123456789abcdef", "$KV.ingest-config.lab"]
    for (const subject of forbidden) {
      const refusal = await own.request(subject, "{}", { timeout: 2_000 }).then(() => "", String)
      assert.match(refusal, /permissions violation/iu, subject)
    }
  })
})
