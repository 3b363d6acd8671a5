import { assert, describe, it } from "@effect/vitest"
import { type DhcpEvent, ServerId, timestampFromMillis } from "@leasehold/events"
import { readFileSync } from "node:fs"
import { type LogEvents, LogEventsState, makeLogEvents } from "../src/LogEvents.ts"
import { Schema } from "effect"
import { randomFrom } from "./harness/random.ts"

const server = ServerId.make("lab")
const now = Date.UTC(2026, 10, 22, 12)
const make = (state?: LogEventsState) => makeLogEvents({ server, path: "/var/log/dnsmasq.log", zone: "UTC", state })
const lines = (text: string | Buffer, offset = 0, source = "f00d") => ({
  _tag: "Lines" as const,
  source,
  offset,
  bytes: Buffer.from(text)
})
const ack = (n: number, second = 52) =>
  `Nov 22 03:47:${second} dnsmasq-dhcp[12]: DHCPACK(br0) 10.0.0.${n} 02:00:00:00:00:0${n} \n`
const corpus = readFileSync(
  new URL("../../../libs/dnsmasq/test/fixtures/corpus/file-logdhcp-nonauth.log", import.meta.url)
)

describe("the events of a log", () => {
  it("say where their line stands", () => {
    const { events } = make().read(lines(`something else\n${ack(1)}`, 1000), now)
    assert.deepStrictEqual(events.map(({ provenance }) => provenance), [{
      source: "log-file",
      path: "/var/log/dnsmasq.log",
      position: 1015,
      line: ack(1).slice(0, -1),
      pid: 12
    }])
  })

  it("have the same ids and times however the log is cut and wherever reading was begun again", () => {
    const whole = make().read(lines(corpus), now).events
    assert.strictEqual(whole.length, 355)
    for (let seed = 0; seed < 20; seed++) {
      const random = randomFrom(seed)
      const found: Array<DhcpEvent> = []
      let log: LogEvents = make()
      for (let start = 0; start < corpus.length;) {
        const end = corpus.indexOf(10, Math.min(corpus.length - 1, start + random.below(20_000))) + 1
        found.push(...log.read(lines(corpus.subarray(start, end), start), now).events)
        start = end
        if (random.chance(0.3)) {
          const saved = JSON.stringify(Schema.encodeSync(LogEventsState)(log.state()))
          log = make(Schema.decodeUnknownSync(LogEventsState)(JSON.parse(saved)))
        }
      }
      assert.deepStrictEqual(found, whole)
    }
  })

  it("have other ids in another incarnation, and at another server", () => {
    const id = (source: string, name = server) =>
      makeLogEvents({ server: name, path: "/log", zone: "UTC", state: undefined }).read(lines(ack(1), 0, source), now)
        .events[0]?.id
    assert.strictEqual(new Set([id("a"), id("a#1"), id("b"), id("a", ServerId.make("other"))]).size, 4)
    assert.strictEqual(id("a"), id("a"))
  })

  it("go on numbering the second in which the log was rotated", () => {
    const log = make()
    log.read(lines(ack(1) + ack(2), 0, "old"), now)
    const { events } = log.read(lines(ack(3) + ack(4, 53), 0, "new"), now)
    assert.deepStrictEqual(events.map(({ at }) => at), ["2026-11-22T03:47:52.000002Z", "2026-11-22T03:47:53.000000Z"])
  })

  it("have the reading clock's time, in order, where the log has none", () => {
    const { events } = make().read(lines([1, 2, 3].map((n) => ack(n).slice(16)).join("")), now)
    assert.deepStrictEqual(events.map(({ at }) => at), [
      timestampFromMillis(now),
      "2026-11-22T12:00:00.000001Z",
      "2026-11-22T12:00:00.000002Z"
    ])
  })

  it("say that a line was too long to be read when it may hold an event", () => {
    const log = make()
    const { events } = log.read(
      lines(`${ack(1)}${"x".repeat(9000)} dnsmasq-dhcp[1]: DHCPACK\n${"y".repeat(9000)}\n${ack(2)}`),
      now
    )
    assert.deepStrictEqual(events.map(({ kind }) => kind), ["ack", "ack", "gap"])
    assert.strictEqual(events[2]?.from, "2026-11-22T03:47:52.000001Z")
  })

  it("survive NULs and bytes that are no text", () => {
    const noisy = Buffer.concat([
      Buffer.alloc(5000),
      Buffer.from(ack(1)),
      Buffer.from([0xff, 0xfe, 10]),
      Buffer.from(ack(2))
    ])
    const { events, tally } = make().read(lines(noisy), now)
    assert.deepStrictEqual(events.map(({ ip }) => String(ip)), ["10.0.0.1", "10.0.0.2"])
    assert.deepStrictEqual(tally, { lines: 3, recognised: 2, unknown: [], incomplete: 0 })
  })

  it("count what no rule knows", () => {
    const { events, tally } = make().read(lines("dnsmasq-dhcp[1]: DHCPNEW(br0) something\n"), now)
    assert.deepStrictEqual(events, [])
    assert.deepStrictEqual(tally.unknown, ["dnsmasq-dhcp[1]: DHCPNEW(br0) something"])
  })
})
