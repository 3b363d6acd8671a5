import { assert, describe, it } from "@effect/vitest"
import { type JoinedRecord, makeLogParser, makeTransactions } from "@leasehold/dnsmasq"
import {
  decodeMessage,
  type DhcpEvent,
  encodeBody,
  EventId,
  eventSubject,
  ServerId,
  timestampFromMillis
} from "@leasehold/events"
import { Result, Schema } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { kindOf, toEvent } from "../src/toEvent.ts"

const server = ServerId.make("lab")
const id = EventId.make("0123abcd")
const now = Date.UTC(2026, 10, 22)
const at = timestampFromMillis(now)

const eventOf = (record: JoinedRecord): DhcpEvent | undefined => {
  const kind = kindOf(record)
  return kind === undefined ? undefined : toEvent(record, kind, server, id, at, { source: "log-file", path: "/log" })
}

/** Fails unless the event comes back from the bus as it went out. */
const throughTheBus = (event: DhcpEvent) => {
  const data = encodeBody(event)
  const decoded = decodeMessage({
    subject: eventSubject(event.server, event.kind),
    data,
    sequence: 1,
    time: now * 1000
  })
  if (Result.isFailure(decoded)) assert.fail(`${decoded.failure.message} in ${data}`)
  // JSON has no negative zero.
  assert.deepStrictEqual<unknown>(decoded.success, JSON.parse(JSON.stringify(event)))
}

const parser = makeLogParser({ zone: "UTC", reference: now })
const ofLine = (message: string) => eventOf(parser.parse(`Nov 22 03:47:52 dnsmasq-dhcp[12]: ${message}`))

describe("an event", () => {
  it("is what the line says", () => {
    const { hostname, interface: name, ip, kind, mac, provenance, xid } =
      ofLine("4711 DHCPACK(br-lan) 10.0.0.7 52:54:00:12:34:56 nas") ?? assert.fail()
    assert.deepStrictEqual<unknown>({ hostname, interface: name, ip, kind, mac, provenance, xid }, {
      hostname: "nas",
      interface: "br-lan",
      ip: "10.0.0.7",
      kind: "ack",
      mac: "52:54:00:12:34:56",
      provenance: { source: "log-file", path: "/log" },
      xid: 4711
    })
  })

  it("has a hardware address in place of the MAC where that has not six octets", () => {
    const event = ofLine("DHCPACK(ib0) 10.0.0.7 02:00:00:00:00:aa:bb:cc ")
    assert.strictEqual(event?.hardwareAddress, "02:00:00:00:00:aa:bb:cc")
    assert.strictEqual(event?.mac, undefined)
    assert.strictEqual(ofLine("DHCPDISCOVER(ib0) <null> ")?.hardwareAddress, "<null>")
  })

  it("is made of a PXE line, and of a BOOTP line that gave an address", () => {
    assert.strictEqual(ofLine("PXE(br-lan) 02:00:00:00:00:01 proxy")?.kind, "pxe")
    assert.strictEqual(ofLine("BOOTP(br-lan) 10.0.0.8 02:00:00:00:00:01 ")?.kind, "lease")
    assert.strictEqual(ofLine("BOOTP(br-lan) 02:00:00:00:00:01 no address configured"), undefined)
  })

  it("is a gap where lines are known to be lost", () => {
    const record = parser.parse("Nov 22 03:47:52 dnsmasq[12]: overflow: 789 log entries lost")
    const event = eventOf(record)
    assert.strictEqual(event?.kind, "gap")
    assert.strictEqual(event?.lost, 789)
    assert.strictEqual(event?.reason, "dnsmasq could not write its log fast enough: 789 lines lost")
  })

  it("says that an ACK answers an INFORM", () => {
    const transactions = makeTransactions()
    const lines = ["DHCPINFORM(br0) 10.0.0.9 02:00:00:00:00:01 ", "DHCPACK(br0) 10.0.0.9 02:00:00:00:00:01 pc"]
    const [, ack] = lines.map((line) => eventOf(transactions.join(parser.parse(`dnsmasq-dhcp[12]: ${line}`))))
    assert.strictEqual(ack?.inform, true)
  })

  it("has what the other lines of its transaction said", () => {
    const transactions = makeTransactions()
    const events = [
      "7 client provides name: nas.example.com",
      "7 vendor class: \u202emischief",
      "7 DHCPDISCOVER(br0) 02:00:00:00:00:01 "
    ].map((line) => eventOf(transactions.join(parser.parse(`dnsmasq-dhcp[12]: ${line}`))))
    assert.strictEqual(events[2]?.clientName, "nas.example.com")
    assert.strictEqual(events[2]?.vendorClass, "\ufffdmischief")
  })
})

describe("lists of a client", () => {
  it("are cut to what the contract takes", () => {
    const event = eventOf({
      kind: "discover",
      tags: Array.from({ length: 100 }, (_, n) => `tag${n}`),
      requestedOptions: Array.from({ length: 300 }, (_, n) => n)
    })
    assert.strictEqual(event?.tags?.length, 64)
    assert.strictEqual(event?.requestedOptions?.length, 255)
  })
})

describe("whatever the grammar yields", () => {
  const corpus = new URL("../../../libs/dnsmasq/test/fixtures/corpus/", import.meta.url)

  it.each(readdirSync(corpus).filter((name) => name.endsWith(".log")))("of %s decodes on the bus", (name) => {
    const transactions = makeTransactions()
    for (const line of readFileSync(new URL(name, corpus), "utf8").split("\n")) {
      const event = eventOf(transactions.join(parser.parse(line)))
      if (event !== undefined) throughTheBus(event)
    }
  })

  const hostile = Schema.Union([
    Schema.String,
    Schema.Literals([
      "",
      "nas",
      "10.0.0.1",
      "fd00::1",
      "::",
      "999.1.1.1",
      "02:00:00:00:00:01",
      "<null>",
      "a\nb",
      "\ud800"
    ])
  ])
  const anything: Schema.Codec<JoinedRecord> = Schema.Struct({
    kind: Schema.Literals([
      "discover",
      "offer",
      "request",
      "ack",
      "nak",
      "decline",
      "release",
      "inform",
      "v6-solicit",
      "v6-reply",
      "v6-request",
      "other"
    ]),
    subkind: Schema.optionalKey(Schema.Literals(["pxe", "bootp", "overflow", "rate-limited", "truncated", "unknown"])),
    pid: Schema.optionalKey(Schema.Int),
    mac: Schema.optionalKey(hostile),
    ip: Schema.optionalKey(hostile),
    interface: Schema.optionalKey(hostile),
    hostname: Schema.optionalKey(hostile),
    xid: Schema.optionalKey(Schema.Finite),
    duid: Schema.optionalKey(hostile),
    reason: Schema.optionalKey(hostile),
    lost: Schema.optionalKey(Schema.Finite),
    clientName: Schema.optionalKey(hostile),
    vendorClass: Schema.optionalKey(hostile),
    userClass: Schema.optionalKey(hostile),
    requestedOptions: Schema.optionalKey(Schema.Array(Schema.Finite)),
    tags: Schema.optionalKey(Schema.Array(hostile)),
    clientMac: Schema.optionalKey(hostile),
    inform: Schema.optionalKey(Schema.Literal(true))
  })

  it.prop("decodes on the bus, and more than it could yield", [anything], ([record]) => {
    const event = eventOf(record)
    if (event !== undefined) throughTheBus(event)
  }, { arbitrary: { runs: 3_000 } })
})
