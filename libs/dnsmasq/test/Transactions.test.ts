import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { type JoinedRecord, makeLogParser, makeTransactions, TransactionsState } from "../src/index.ts"
import { linesOf } from "./corpus.ts"

const A = "02:00:00:00:00:0a"
const B = "02:00:00:00:00:0b"

const parser = makeLogParser({ year: 2026 })
const parse = (message: string, pid = 1) => parser.parse(`dnsmasq-dhcp[${pid}]: ${message}`)

/** The facts that the messages among these lines got. */
const join = (messages: ReadonlyArray<string>, transactions = makeTransactions()) =>
  messages.map((message) => transactions.join(parse(message))).filter(({ kind }) => kind !== "other").map(facts)

const facts = ({ at: _at, interface: _interface, ip: _ip, pid: _pid, xid: _xid, ...rest }: JoinedRecord) => rest

const captured = () => {
  const parser = makeLogParser({ year: 2026 })
  return linesOf("file-logdhcp-nonauth.log").map(parser.parse)
}

describe("joining", () => {
  it("gives each message what was logged beside it", () => {
    assert.deepStrictEqual(
      join([
        "7 available DHCP range: 10.0.0.1 -- 10.0.0.9",
        "7 vendor class: MSFT 5.0",
        "7 user class: red",
        "7 client provides name: nas.lan",
        `7 DHCPDISCOVER(e0) ${A}`,
        "7 tags: known, e0",
        `7 DHCPOFFER(e0) 10.0.0.1 ${A}`,
        "7 requested options: 1:netmask, 3:router,",
        "7 requested options: 121:classless-static-route, 252",
        `7 DHCPACK(e0) 10.0.0.1 ${A} nas`
      ]),
      [
        { kind: "discover", mac: A, clientName: "nas.lan", vendorClass: "MSFT 5.0", userClass: "red" },
        {
          kind: "offer",
          mac: A,
          clientName: "nas.lan",
          vendorClass: "MSFT 5.0",
          userClass: "red",
          tags: ["known", "e0"]
        },
        {
          kind: "ack",
          mac: A,
          hostname: "nas",
          clientName: "nas.lan",
          vendorClass: "MSFT 5.0",
          userClass: "red",
          tags: ["known", "e0"],
          requestedOptions: [1, 3, 121, 252]
        }
      ]
    )
  })

  it("starts the list of requested options anew with each packet", () => {
    const messages = join([
      `7 DHCPOFFER(e0) 10.0.0.1 ${A}`,
      "7 requested options: 1:netmask, 3:router",
      "7 requested options: 6:dns-server",
      `7 DHCPREQUEST(e0) 10.0.0.1 ${A}`,
      `7 DHCPACK(e0) 10.0.0.1 ${A}`,
      "7 requested options: 15:domain-name,",
      `7 DHCPREQUEST(e0) 10.0.0.1 ${A}`,
      "7 requested options: 42:ntp-server",
      `7 DHCPACK(e0) 10.0.0.1 ${A}`
    ])
    assert.deepStrictEqual(messages.map(({ requestedOptions }) => requestedOptions), [
      undefined,
      [6],
      [6],
      [15],
      [42]
    ])
  })

  it("tells no client what was said of another with the same transaction id", () => {
    assert.deepStrictEqual(
      join([
        "7 vendor class: a",
        "7 client provides name: a",
        `7 DHCPDISCOVER(e0) ${A}`,
        "7 tags: of-a",
        "7 client provides name: b",
        `7 DHCPDISCOVER(e0) ${B}`,
        `7 DHCPOFFER(e0) 10.0.0.1 ${B}`
      ]),
      [
        { kind: "discover", mac: A, clientName: "a", vendorClass: "a" },
        { kind: "discover", mac: B, clientName: "b" },
        { kind: "offer", mac: B, clientName: "b" }
      ]
    )
  })

  it("gives a client what was said of it before another had the same transaction id", () => {
    const found = join([
      "7 vendor class: VC-A",
      `7 DHCPDISCOVER(e0) ${A}`,
      "7 tags: e0",
      `7 DHCPOFFER(e0) 10.0.0.1 ${A}`,
      "7 requested options: 1:netmask",
      "7 available DHCP range: 10.0.0.1 -- 10.0.0.9",
      `7 DHCPDISCOVER(e0) ${B}`,
      `7 DHCPOFFER(e0) 10.0.0.2 ${B}`,
      "7 requested options: 3:router",
      `7 DHCPREQUEST(e0) 10.0.0.1 ${A}`,
      `7 DHCPREQUEST(e0) 10.0.0.2 ${B}`
    ])
    assert.deepStrictEqual(found.slice(2), [
      { kind: "discover", mac: B },
      { kind: "offer", mac: B },
      { kind: "request", mac: A, vendorClass: "VC-A", tags: ["e0"], requestedOptions: [1] },
      { kind: "request", mac: B, requestedOptions: [3] }
    ])
  })

  it("forgets a packet that dnsmasq dropped when the next begins", () => {
    assert.deepStrictEqual(
      join([
        `7 DHCPDISCOVER(e0) ${A}`,
        "7 client provides name: dropped",
        "7 available DHCP range: 10.0.0.1 -- 10.0.0.9",
        `7 DHCPDISCOVER(e0) ${B}`
      ]),
      [{ kind: "discover", mac: A }, { kind: "discover", mac: B }]
    )
  })

  it("keeps processes apart", () => {
    const transactions = makeTransactions()
    transactions.join(parse("7 client provides name: one", 1))
    assert.isUndefined(transactions.join(parse(`7 DHCPDISCOVER(e0) ${A}`, 2)).clientName)
    assert.strictEqual(transactions.join(parse(`7 DHCPDISCOVER(e0) ${A}`, 1)).clientName, "one")
  })

  it("gives a DHCPv6 client its MAC", () => {
    assert.deepStrictEqual(join(["9 client MAC address: 02:00:00:00:00:0a", "9 DHCPSOLICIT(e0) 00:01"]), [
      { kind: "v6-solicit", duid: "00:01", clientMac: A }
    ])
  })

  it("forgets everything when lines were lost", () => {
    const transactions = makeTransactions()
    transactions.join(parse("7 client provides name: old"))
    transactions.join(parse(`DHCPINFORM(e0) 10.0.0.1 ${A}`))
    transactions.join(parser.parse("dnsmasq[1]: overflow: 3 log entries lost"))
    assert.deepStrictEqual(join([`7 DHCPDISCOVER(e0) ${A}`, `DHCPACK(e0) 10.0.0.1 ${A}`], transactions), [
      { kind: "discover", mac: A },
      { kind: "ack", mac: A }
    ])
  })

  it("gives the captured messages their names, classes and options", () => {
    const transactions = makeTransactions()
    const messages = captured().map(transactions.join).filter(({ kind }) => kind !== null && kind !== "other")
    const named = messages.filter(({ clientName, hostname }) => hostname !== undefined && clientName !== undefined)
    // dnsmasq cuts the domain off; a reservation or a hosts file can put another name in its place.
    const same = named.filter(({ clientName, hostname }) =>
      clientName?.split(".")[0]?.toLowerCase() === hostname?.toLowerCase()
    )
    assert.isAbove(same.length, 40)
    assert.isAtLeast(same.length, named.length - 10)
    assert.deepStrictEqual(messages.find(({ mac }) => mac === "02:00:00:00:00:29"), {
      ...messages.find(({ mac }) => mac === "02:00:00:00:00:29"),
      kind: "discover",
      clientName: "vend",
      vendorClass: "MSFT 5.0",
      userClass: "userclass"
    })
    assert.deepStrictEqual(
      messages.find(({ kind, mac }) => kind === "ack" && mac === "02:00:00:00:00:2a")?.requestedOptions,
      [1, 3, 6, 12, 15, 28, 42, 51, 54, 58, 59, 119, 121, 252]
    )
  })
})

describe("an ACK to an INFORM", () => {
  const inform = `DHCPINFORM(e0) 10.0.0.1 ${A}`
  const ack = `DHCPACK(e0) 10.0.0.1 ${A} nas`
  const isInform = (messages: ReadonlyArray<string>) => join(messages).map((record) => record.inform)

  it("is marked", () => {
    assert.deepStrictEqual(isInform([inform, ack]), [undefined, true])
    assert.deepStrictEqual(isInform([`7 ${inform}`, "7 tags: e0", `7 ${ack}`]), [undefined, true])
  })

  it("is told from the ACK of a lease", () => {
    const request = `DHCPREQUEST(e0) 10.0.0.1 ${A}`
    assert.deepStrictEqual(isInform([inform, ack, ack]), [undefined, true, undefined])
    assert.deepStrictEqual(isInform([inform, request, ack]), [undefined, undefined, undefined])
    assert.deepStrictEqual(isInform([`${inform} ignored`, ack]), [undefined, undefined])
    assert.deepStrictEqual(isInform([inform, `DHCPACK(e0) 10.0.0.2 ${A} nas`]), [undefined, undefined])
    assert.deepStrictEqual(isInform([inform, `DHCPACK(e1) 10.0.0.1 ${A} nas`]), [undefined, undefined])
    assert.deepStrictEqual(isInform([`7 ${inform}`, `8 ${ack}`]), [undefined, undefined])
    assert.deepStrictEqual(isInform([inform, `DHCPACK(e0) 10.0.0.1 ${B} nas`]), [undefined, undefined])
  })

  it("is found in the captures for every INFORM that dnsmasq answered", () => {
    const transactions = makeTransactions()
    const joined = captured().map(transactions.join)
    const informs = joined.filter(({ ip, kind, reason }) =>
      kind === "inform" && reason === undefined && ip !== "0.0.0.0"
    )
    assert.deepStrictEqual(joined.filter(({ inform }) => inform).map(({ xid }) => xid), informs.map(({ xid }) => xid))
  })
})

describe("memory", () => {
  it("holds no more transactions than it was told, and drops the one used longest ago", () => {
    const transactions = makeTransactions({ capacity: 3 })
    for (const xid of [1, 2, 3, 1, 4]) transactions.join(parse(`${xid} client provides name: n${xid}`))
    for (let host = 1; host < 100; host++)
      transactions.join(parse(`DHCPINFORM(e0) 10.0.0.${host} 02:00:00:00:00:${host.toString(16).padStart(2, "0")}`))
    const state = transactions.snapshot()
    assert.deepStrictEqual(state.transactions.map(({ pending }) => pending.clientName), ["n3", "n1", "n4"])
    assert.strictEqual(state.informs.length, 3)
  })

  it("holds no more of an endless list of options than an option can have", () => {
    const transactions = makeTransactions()
    for (let turn = 0; turn < 1000; turn++) transactions.join(parse("7 requested options: 1:netmask, 3:router,"))
    assert.strictEqual(transactions.snapshot().transactions[0]?.known.requestedOptions?.length, 256)
  })

  it.prop("comes back from JSON, so that a restart anywhere changes no event", [
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3146 }))
  ], ([restart]) => {
    const records = captured()
    const undisturbed = makeTransactions()
    const before = makeTransactions()
    const after = makeTransactions()
    const expected = records.map(undisturbed.join)
    const first = records.slice(0, restart).map(before.join)
    const saved: unknown = JSON.parse(JSON.stringify(before.snapshot()))
    after.restore(Schema.decodeUnknownSync(TransactionsState)(saved))
    assert.deepStrictEqual([...first, ...records.slice(restart).map(after.join)], expected)
  }, { arbitrary: { runs: 20 } })
})
