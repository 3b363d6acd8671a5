import { freePort } from "@leasehold/devstack"
import { eventuallyHolds } from "@leasehold/devstack/test"
import { DHCP, type IngestReport } from "@leasehold/events"
import { appendFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { assertSameLines } from "./harness/EventStream.ts"
import { openSite } from "./harness/openSite.ts"

describe("a bus that refuses", () => {
  it("gets its stream back when it lost it", async () => {
    const { ingest, path, source, stream } = await openSite()
    writeFileSync(path, source.take(5))
    ingest.start()
    await stream.reaches(5)
    await stream.manager.streams.delete(DHCP.name)
    appendFileSync(path, source.take(5))
    await stream.reaches(5)
    assertSameLines(await stream.lines(), source.lines.slice(5))
    assert.isTrue(ingest.said("event refused, trying again"))
  })

  it("for want of space gets everything when it has space again", async () => {
    const { ingest, path, source, stream } = await openSite()
    writeFileSync(path, source.take(5))
    ingest.start()
    await stream.reaches(5)
    const { config } = await stream.manager.streams.info(DHCP.name)
    await stream.manager.streams.update(DHCP.name, { ...config, max_msgs: 50, discard: "new" })
    appendFileSync(path, source.take(3_000))
    await ingest.says("event refused, trying again")
    assert.strictEqual(await stream.count(), 50)
    await stream.manager.streams.update(DHCP.name, { ...config, max_msgs: -1 })
    await stream.reaches(source.lines.length)
    assertSameLines((await stream.lines()).toSorted(), source.lines.toSorted())
  })

  it("is a problem of the file as long as it stores nothing, whether it refuses or is silent", async () => {
    const port = await freePort()
    const { ingest, path, signalBus, source, stream } = await openSite({ INGEST_OPS_PORT: String(port) })
    const health = async () =>
      (await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined))?.text() ?? "no answer"
    const reported = async () => {
      const answer = await stream.connection.request("ingest.v1.status.lab", "", { timeout: 1_000 }).catch(() =>
        undefined
      )
      return answer?.json<IngestReport>().sources[0]?.problem ?? "no problem"
    }
    const tells = (ask: () => Promise<string>, what: RegExp) =>
      eventuallyHolds(`there is ${what}`, ask, (answer) => what.test(answer))
    writeFileSync(path, source.take(5))
    ingest.start()
    await stream.reaches(5)
    await tells(health, /^ok$/mu)
    const { config } = await stream.manager.streams.info(DHCP.name)
    await stream.manager.streams.update(DHCP.name, { ...config, max_msgs: 5, discard: "new" })
    appendFileSync(path, source.take(3))
    const refused = /NATS has not stored 3 events for \d+ seconds: maximum messages exceeded$/mu
    await tells(reported, refused)
    assert.match(await health(), refused)
    await stream.manager.streams.update(DHCP.name, { ...config, max_msgs: -1 })
    await stream.reaches(8)
    await tells(reported, /^no problem$/u)
    signalBus("SIGSTOP")
    try {
      appendFileSync(path, source.take(2))
      await tells(health, /NATS has not stored 2 events for \d+ seconds$/mu)
    } finally {
      signalBus("SIGCONT")
    }
    await tells(health, /^ok$/mu)
    assertSameLines(await stream.lines(), source.lines)
  })

  it("for their size gets smaller events, and a gap where nothing is left to take away", async () => {
    const { ingest, path, source, stream } = await openSite()
    writeFileSync(path, source.take(1))
    ingest.start()
    await stream.reaches(1)
    const { config } = await stream.manager.streams.info(DHCP.name)
    await stream.manager.streams.update(DHCP.name, { ...config, max_msg_size: 800 })
    const stamp = "Nov 20 00:00:10 dnsmasq-dhcp[12]:"
    appendFileSync(
      path,
      [
        `${stamp} DHCPDECLINE(br0) 10.0.0.1 02:00:00:00:00:01 ${"no".repeat(300)}`,
        `${stamp} DHCPACK(br0) 10.0.0.2 02:00:00:00:00:02 ${Array.from({ length: 5 }, () => "n".repeat(50)).join("-")}`,
        `${stamp} DHCPACK(br0) 10.0.0.3 02:00:00:00:00:03 `,
        ""
      ].join("\n")
    )
    await stream.reaches(4)
    const events = await stream.events()
    assert.deepStrictEqual(
      events.slice(1).map(({ ip, kind }) => `${kind} ${ip}`).toSorted(),
      ["ack 10.0.0.2", "ack 10.0.0.3", "decline 10.0.0.1"]
    )
    assert.strictEqual(events.find(({ kind }) => kind === "decline")?.reason, undefined)
  })

  it("for the size of a message on its connections gets smaller events", async () => {
    const { ingest, path, source, stream } = await openSite({}, "max_payload: 1500")
    writeFileSync(path, source.take(1))
    ingest.start()
    await stream.reaches(1)
    appendFileSync(
      path,
      `Nov 20 00:00:10 dnsmasq-dhcp[12]: DHCPDECLINE(br0) 10.0.0.1 02:00:00:00:00:01 ${"no".repeat(400)}\n`
    )
    appendFileSync(path, source.take(1))
    await stream.reaches(3)
    assert.deepStrictEqual((await stream.events()).map(({ kind }) => kind), ["ack", "decline", "ack"])
  })

  it("for want of a permission is said so, and tried again until it grants it", async () => {
    const users = (publish: string) =>
      `authorization { users: [
        { user: all, password: all },
        { user: ingest, password: p, permissions: { publish: ["$JS.API.>", ${publish}], subscribe: ["_INBOX.>"] } }
      ] }`
    const { directory, ingest, path, source, startBus, stopBus, stream } = await openSite(
      { NATS_USER: "ingest", NATS_PASSWORD: "p", INGEST_ACK_TIMEOUT: "500 millis" },
      users("\"dhcp.v1.event.other.*\"")
    )
    writeFileSync(path, source.take(3))
    ingest.start()
    await ingest.says("nats refuses")
    await ingest.says("no acknowledgement, sending again")
    assert.strictEqual(await stream.count(), 0)
    await stopBus()
    writeFileSync(join(directory, "nats.conf"), users("\"dhcp.v1.event.lab.*\""))
    await startBus()
    await stream.reaches(3)
    assertSameLines(await stream.lines(), source.lines)
  })
})
