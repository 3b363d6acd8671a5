import { assert, describe, it } from "vitest"
import {
  cloudEventHeaders,
  type DhcpEvent,
  encodeBody,
  EventId,
  ServerId,
  timestampFromMillis
} from "@leasehold/events"
import { type Encoded, makeMessageRing } from "../../src/Publisher/MessageRing.ts"
import { randomFrom } from "../harness/random.ts"

const event = (n: number, reason: string): DhcpEvent => ({
  server: ServerId.make("lab"),
  kind: "gap",
  id: EventId.make(`event-${n}`),
  at: timestampFromMillis(n),
  reason
})
const textOf = (
  { body, headers, subject }: Encoded
) => [subject, Buffer.from(headers).toString(), Buffer.from(body).toString()]
const expected = (of: DhcpEvent) => [
  "dhcp.v1.event.lab.gap",
  `NATS/1.0\r\n${cloudEventHeaders(of).map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
  encodeBody(of)
]

describe("a ring of messages", () => {
  it("holds every message whole until it is released, in order, however it wraps", () => {
    for (let seed = 0; seed < 30; seed++) {
      const random = randomFrom(seed)
      const ring = makeMessageRing({ messages: 7, bytes: 6_000, messageBytes: 2_000 })
      const held: Array<DhcpEvent> = []
      for (let n = 0; n < 500; n++) {
        if (random.chance(0.55) && ring.hasRoom()) {
          const next = event(n, "ä".repeat(random.below(600)))
          assert.isTrue(ring.add(next))
          held.push(next)
        } else if (held.length > 0) {
          ring.release()
          held.shift()
        }
        assert.strictEqual(ring.end() - ring.oldest(), held.length)
        held.forEach((one, index) => assert.deepStrictEqual(textOf(ring.get(ring.oldest() + index)), expected(one)))
      }
    }
  })

  it("refuses what is larger than a message may be, to the byte", () => {
    const ring = makeMessageRing({ messages: 4, bytes: 4_000, messageBytes: 1_000 })
    const overhead = expected(event(1, "")).slice(1).join("").length
    assert.isFalse(ring.add(event(1, "x".repeat(1_001 - overhead))))
    assert.isTrue(ring.add(event(1, "x".repeat(1_000 - overhead))))
    assert.isFalse(ring.add(event(1, "€".repeat(Math.ceil((1_001 - overhead) / 3)))))
  })

  it("puts a smaller message in the place of one and leaves its neighbours alone", () => {
    const ring = makeMessageRing({ messages: 4, bytes: 4_000, messageBytes: 1_000 })
    const events = [event(1, "first"), event(2, "a long one"), event(3, "third")]
    events.forEach((one) => ring.add(one))
    ring.replace(1, event(2, "short"))
    assert.deepStrictEqual([0, 1, 2].map((n) => textOf(ring.get(n))[2]), [
      encodeBody(event(1, "first")),
      encodeBody(event(2, "short")),
      encodeBody(event(3, "third"))
    ])
  })

  it("puts none in the place of one that is smaller", () => {
    const ring = makeMessageRing({ messages: 4, bytes: 4_000, messageBytes: 1_000 })
    const events = [event(1, "first"), event(2, "a long one"), event(3, "third")]
    events.forEach((one) => ring.add(one))
    assert.isTrue(ring.replace(1, event(2, "short")))
    assert.isTrue(ring.replace(1, event(2, "as long!!!")))
    assert.isFalse(ring.replace(1, event(2, "longer than it was")))
    assert.deepStrictEqual([0, 1, 2].map((n) => textOf(ring.get(n))), [
      expected(event(1, "first")),
      expected(event(2, "as long!!!")),
      expected(event(3, "third"))
    ])
  })

  it("has room for as many messages as it was told", () => {
    const ring = makeMessageRing({ messages: 2, bytes: 100_000, messageBytes: 1_000 })
    ring.add(event(1, ""))
    assert.isTrue(ring.hasRoom())
    ring.add(event(2, ""))
    assert.isFalse(ring.hasRoom())
    ring.release()
    assert.isTrue(ring.hasRoom())
  })
})
