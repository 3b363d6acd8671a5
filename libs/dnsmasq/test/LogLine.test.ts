import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { readFileSync } from "node:fs"
import { makeLogParser } from "../src/index.ts"

const Framing = Schema.Struct({
  framing: Schema.String,
  line: Schema.String,
  at: Schema.optionalKey(Schema.String),
  pid: Schema.optionalKey(Schema.Int)
})
const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Framing))

const framings = readFileSync(new URL("./fixtures/handmade/framings.jsonl", import.meta.url), "utf8")
  .trimEnd().split("\n").map((line) => decode(line))

const parse = (line: string) => makeLogParser({ year: 2026 }).parse(line)
const dhcp = (message: string) => parse(`dnsmasq-dhcp[1]: ${message}`)

describe("framings", () => {
  for (const { framing, line, ...given } of framings) {
    it(`reads ${framing}`, () =>
      assert.deepStrictEqual(parse(line), {
        kind: "ack",
        ...given,
        interface: "br-lan",
        ip: "10.99.0.163",
        mac: "02:00:00:00:00:01",
        hostname: "plainhost"
      }))
  }

  it("is not moved by a carriage return, a byte order mark, or the NULs that a power cut leaves", () => {
    const line = "Nov 22 03:50:23 dnsmasq-dhcp[32409]: DHCPACK(br-lan) 10.99.0.163 02:00:00:00:00:01 plainhost"
    for (const same of [`${line}\r`, `\ufeff${line}`, `\0\0\0${line}`]) assert.deepStrictEqual(parse(same), parse(line))
  })

  it("takes a message that says less than its octet count for cut", () => {
    const line =
      "<30>1 2026-11-22T03:50:23Z labhost dnsmasq-dhcp 32409 - - DHCPACK(br-lan) 10.99.0.163 02:00:00:00:00:01 plain"
    assert.strictEqual(parse(`${line.length} ${line}`).hostname, "plain")
    assert.strictEqual(parse(`${line.length + 1} ${line}`).hostname, "plain")
    assert.deepInclude(parse(`${line.length + 4} ${line}`), { kind: "other", subkind: "truncated" })
    const french = "<30>1 2026-11-22T03:50:23Z h dnsmasq-dhcp 1 - - DHCPNAK(e0) 10.0.0.1 02:00:00:00:00:01 dédéçàéèç"
    assert.strictEqual(parse(`${new TextEncoder().encode(french).length} ${french}`).kind, "nak")
  })

  it("takes a packet line that fills dnsmasq's buffer for cut", () => {
    const duid = Array.from({ length: 320 }, () => "aa").join(":")
    assert.deepInclude(dhcp(`DHCPREPLY(br-lan) fd99::1 ${duid} host`), { kind: "other", subkind: "truncated" })
  })

  it("yields nothing for a journal record that is cut, too large for the journal, or of another program", () => {
    for (
      const line of [
        "{\"SYSLOG_IDENTIFIER\":\"dnsmasq-dhcp\",\"MESSAGE\":\"DHCPACK(br-lan) 10.99.0.163 02:00:00:00:00:01 pl",
        "{\"SYSLOG_IDENTIFIER\":\"dnsmasq-tftp\",\"MESSAGE\":\"DHCPACK(br-lan) 10.99.0.163 02:00:00:00:00:01 x\"}",
        "{\"MESSAGE\":\"DHCPACK(br-lan) 10.99.0.163 02:00:00:00:00:01 x\"}",
        "[{\"SYSLOG_IDENTIFIER\":\"dnsmasq-dhcp\"}]",
        "{}"
      ]
    ) assert.deepStrictEqual(parse(line), { kind: null }, line)
    assert.deepStrictEqual(parse("{\"SYSLOG_IDENTIFIER\":\"dnsmasq-dhcp\",\"MESSAGE\":null}"), {
      kind: "other",
      subkind: "unknown"
    })
  })
})

describe("packet lines", () => {
  it("tells the families apart by the address, not by what looks like one", () => {
    assert.deepStrictEqual(dhcp("DHCPRELEASE(e0) 10.0.0.1 02:00:00:00:00:aa:bb:cc "), {
      kind: "release",
      pid: 1,
      interface: "e0",
      ip: "10.0.0.1",
      mac: "02:00:00:00:00:aa:bb:cc"
    })
    assert.deepStrictEqual(dhcp("DHCPRELEASE(e0) 11:22:33:44:55:66:77:88"), {
      kind: "v6-release",
      pid: 1,
      interface: "e0",
      duid: "11:22:33:44:55:66:77:88"
    })
    assert.deepStrictEqual(dhcp("DHCPREPLY(e0) 11:22:33:44:55:66:77:88 no addresses available"), {
      kind: "v6-reply",
      pid: 1,
      interface: "e0",
      duid: "11:22:33:44:55:66:77:88",
      reason: "no addresses available"
    })
    assert.deepStrictEqual(dhcp("DHCPREPLY(e0) 11:22:33:44:55:66:77:88 00:01 six"), {
      kind: "v6-reply",
      pid: 1,
      interface: "e0",
      ip: "11:22:33:44:55:66:77:88",
      duid: "00:01",
      hostname: "six"
    })
  })

  it("knows a client without an address and a DHCPv6 client without a DUID", () => {
    assert.deepStrictEqual(dhcp("7 DHCPDISCOVER(e0) <null> no unique-id"), {
      kind: "discover",
      pid: 1,
      xid: 7,
      interface: "e0",
      reason: "no unique-id"
    })
    assert.deepStrictEqual(dhcp("DHCPINFORMATION-REQUEST(e0) <null> "), {
      kind: "v6-information-request",
      pid: 1,
      interface: "e0"
    })
  })

  it("takes an interface to its last character", () => {
    for (const name of ["eth0.10", "br)x", "a(b)", ")", "wlan0-1", "eth0:1"]) {
      assert.strictEqual(dhcp(`DHCPDISCOVER(${name}) 02:00:00:00:00:01 ignored`).interface, name)
      assert.strictEqual(dhcp(`RTR-SOLICIT(${name})`).interface, name)
    }
  })

  it("reads a translated reason as a reason", () => {
    assert.deepInclude(dhcp("DHCPREPLY(e0) 11:22:33:44:55:66:77:88 adresses épuisées"), {
      kind: "v6-reply",
      duid: "11:22:33:44:55:66:77:88",
      reason: "adresses épuisées"
    })
    assert.strictEqual(dhcp("DHCPNAK(e0) 10.0.0.1 02:00:00:00:00:01 mauvaise adresse").reason, "mauvaise adresse")
    assert.strictEqual(dhcp("DHCPREPLY(e0) fd99::1 00:01 déprécié").reason, "déprécié")
    for (const word of ["deprecated", "veraltet", "descartado"]) {
      assert.strictEqual(dhcp(`DHCPREPLY(e0) fd99::1 00:01 ${word}`).reason, word)
    }
    for (const word of ["ignored", "ignoriert", "ignorado", "ignorat", "ignorerad", "oversett", "diabaikan"]) {
      assert.strictEqual(dhcp(`DHCPINFORMATION-REQUEST(e0) 00:01 ${word}`).reason, word)
    }
  })

  it("keeps a DECLINE message as text", () => {
    const record = dhcp("DHCPDECLINE(e0) 10.0.0.1 02:00:00:00:00:01 it's taken: (really)")
    assert.strictEqual(record.kind, "decline")
    assert.strictEqual(record.text, "it's taken: (really)")
    assert.strictEqual(record.reason, record.text)
  })

  for (
    const message of [
      "DHCPACK(e0) 10.0.0.1 02:00:00:00:00:01 two words",
      "DHCPACK(e0) 10.0.0.1 02:00:00:00:00:01 na(me",
      "DHCPACK(e0) 10.0.0.256 02:00:00:00:00:01 x",
      "DHCPACK(e0) 010.0.0.1 02:00:00:00:00:01 x",
      "DHCPACK(e0) 10.0.0.1 02:00:00:00:00:0 x",
      "DHCPACK(e0) 10.0.0.1 02:00:00:00:00:0G x",
      "DHCPACK(e0) 10.0.0.1 02:00:00:00:00:Nov 22 03:50:23 dnsmasq-dhcp[1]: DHCPACK(e0) 10.0.0.2 02:00:00:00:00:02 x",
      "DHCPACK(e0) 02:00:00:00:00:01 x",
      "DHCPACK(e0)",
      "DHCPACK(e0",
      "DHCPACK",
      "DHCPACKNOWLEDGED(e0) 10.0.0.1 02:00:00:00:00:01 x",
      "dhcpack(e0) 10.0.0.1 02:00:00:00:00:01 x",
      "4294967296 DHCPACK(e0) 10.0.0.1 02:00:00:00:00:01 x",
      "7DHCPACK(e0) 10.0.0.1 02:00:00:00:00:01 x"
    ]
  ) {
    it(`is no event: ${message}`, () => assert.deepInclude(dhcp(message), { kind: "other", subkind: "unknown" }))
  }
})

describe("remarks", () => {
  it("are known when the journal has taken their last blank away", () => {
    for (const [message, subkind] of [["vendor class:", "vendor-class"], ["user class:", "user-class"]] as const) {
      assert.deepStrictEqual(dhcp(`7 ${message}`), { kind: "other", pid: 1, xid: 7, subkind })
    }
    assert.strictEqual(dhcp("7 client provides name:").subkind, "client-name")
    assert.strictEqual(dhcp("7 vendor class").subkind, "unknown")
  })

  for (
    const message of [
      "DHCPv6 stateless on fd99::, constructed for br-lan", // log_context()
      "unknown interface eth9 in bridge-interface" // dhcp_packet(), dhcp6_packet()
    ]
  ) it(`are known: ${message}`, () => assert.notStrictEqual(dhcp(message).subkind, "unknown"))
})

describe("notices of loss", () => {
  it("counts what dnsmasq, rsyslog and the journal say they lost", () => {
    const lost = (line: string) => {
      const { kind, lost, pid, subkind } = parse(line)
      return { kind, lost, pid, subkind }
    }
    assert.deepStrictEqual(lost("Nov 22 03:50:23 dnsmasq[7]: overflow: 789 log entries lost"), {
      kind: "other",
      lost: 789,
      pid: 7,
      subkind: "overflow"
    })
    for (
      const [line, count, pid] of [
        [
          "Nov 22 03:50:23 h rsyslogd: imjournal: 4321 messages lost due to rate-limiting (20000 allowed within 600 seconds)",
          4321,
          undefined
        ],
        ["Nov 22 03:50:23 h rsyslogd-2177: imuxsock lost 30 messages from pid 9 due to rate-limiting", 30, 9],
        ["Nov 22 03:50:23 h systemd-journald[5]: Suppressed 5730 messages from dnsmasq.service", 5730, undefined],
        [
          "{\"SYSLOG_IDENTIFIER\":\"rsyslogd\",\"MESSAGE\":\"imjournal: 8 messages lost due to rate-limiting\"}",
          8,
          undefined
        ],
        [
          "{\"SYSLOG_IDENTIFIER\":\"systemd-journald\",\"MESSAGE\":\"Suppressed 12 messages from /system.slice/dnsmasq.service\"}",
          12,
          undefined
        ]
      ] as const
    ) assert.deepStrictEqual(lost(line), { kind: "other", lost: count, pid, subkind: "rate-limited" }, line)
  })

  it("finds dnsmasq's own in the journal", () => {
    assert.deepStrictEqual(parse("{\"SYSLOG_IDENTIFIER\":\"dnsmasq\",\"MESSAGE\":\"overflow: 3 log entries lost\"}"), {
      kind: "other",
      subkind: "overflow",
      lost: 3
    })
  })

  it("leaves other programs' losses and quoted notices alone", () => {
    for (
      const line of [
        "Nov 22 03:50:23 h rsyslogd: imuxsock[pid: 9, name: /usr/sbin/named]: 30 messages lost due to rate-limiting (200 allowed)",
        "Nov 22 03:50:23 h systemd-journald[5]: Suppressed 5730 messages from named.service",
        "Nov 22 03:50:23 h named[9]: overflow: 789 log entries lost",
        "Nov 22 03:50:23 dnsmasq[7]: query[A] overflow: 789 log entries lost from 10.0.0.1",
        "Nov 22 03:50:23 dnsmasq[7]: overflow: 789 log entries lost from 10.0.0.1"
      ]
    ) assert.deepStrictEqual(parse(line), { kind: null }, line)
  })
})

describe("folded repetitions", () => {
  it("carry the message that was repeated and how often", () => {
    const once = "DHCPREQUEST(e0) 10.0.0.1 02:00:00:00:00:01"
    const { count, ...rest } = dhcp(`message repeated 5 times: [ ${once} ]`)
    assert.deepStrictEqual(rest, dhcp(once))
    assert.strictEqual(count, 5)
  })

  it("are no event when they were cut", () => {
    assert.deepStrictEqual(dhcp("message repeated 5 times: [ DHCPACK(e0) 10.0.0.1 02:00:00:00:00:01 na"), {
      kind: "other",
      pid: 1,
      subkind: "repeated"
    })
  })
})
