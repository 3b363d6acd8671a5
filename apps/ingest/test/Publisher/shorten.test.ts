import { assert, describe, it } from "vitest"
import {
  decodeMessage,
  type DhcpEvent,
  encodeBody,
  EventId,
  eventSubject,
  Ipv4,
  Mac,
  ServerId,
  timestampFromMillis
} from "@leasehold/events"
import { Result } from "effect"
import { lastStep, shorten } from "../../src/Publisher/shorten.ts"

const event: DhcpEvent = {
  server: ServerId.make("lab"),
  kind: "ack",
  id: EventId.make("e1"),
  at: timestampFromMillis(1),
  mac: Mac.make("02:00:00:00:00:01"),
  ip: Ipv4.make("10.0.0.1"),
  hostname: "nas",
  vendorClass: "v".repeat(300),
  userClass: "u".repeat(300),
  tags: ["t".repeat(300)],
  reason: "r".repeat(300),
  provenance: { source: "log-file", path: "/log", position: 7, line: "l".repeat(300) }
}
const gap: DhcpEvent = {
  server: event.server,
  kind: "gap",
  id: EventId.make("g1"),
  at: event.at,
  reason: "r".repeat(300),
  lost: 3,
  provenance: { source: "log-file", path: "/log", line: "l".repeat(300) }
}

describe("shortening", () => {
  it("takes the raw line first, then what only describes, and leaves a gap at last", () => {
    assert.strictEqual(shorten(event, 0), event)
    assert.deepStrictEqual(shorten(event, 1).provenance, { source: "log-file", path: "/log", position: 7 })
    assert.deepStrictEqual(Object.keys(shorten(event, 2)).toSorted(), [
      "at",
      "hostname",
      "id",
      "ip",
      "kind",
      "mac",
      "server"
    ])
    const { at, id, server } = event
    const reason = "an event (ack) was too large for the bus"
    assert.deepStrictEqual(shorten(event, 3), { server, kind: "gap", id, at, reason })
  })

  it.each([["an event", event], ["a gap", gap]])(
    "keeps %s readable and its id at every step, ever smaller",
    (_, from) => {
      let size = Infinity
      for (let step = 0; step <= lastStep; step++) {
        const short = shorten(from, step)
        const data = encodeBody(short)
        assert.isAtMost(data.length, size)
        size = data.length
        const decoded = decodeMessage({
          subject: eventSubject(short.server, short.kind),
          data,
          sequence: 1,
          time: 1e15
        })
        assert.deepStrictEqual(Result.getOrThrow(decoded), short)
        assert.strictEqual(short.id, from.id)
      }
      assert.isBelow(size, 200)
    }
  )
})
