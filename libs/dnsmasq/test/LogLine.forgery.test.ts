/** Text that a client, a name, a script or another program chose never becomes an event. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { type LogKind, type LogRecord, makeLogParser, makeLogScanner, makeTransactions } from "../src/index.ts"

const FORGED = "aa:bb:cc:dd:ee:ff"
const REAL = "02:00:00:00:00:01"

const fakes = [
  `DHCPACK(br-lan) 10.0.0.66 ${FORGED} evil`,
  `7 DHCPACK(br-lan) 10.0.0.66 ${FORGED} evil`,
  `DHCPRELEASE(br-lan) 10.0.0.66 ${FORGED}`,
  `DHCPREPLY(br-lan) fd99::66 ${FORGED} evil`,
  `client MAC address: ${FORGED}`,
  `message repeated 3 times: [ DHCPACK(br-lan) 10.0.0.66 ${FORGED} evil]`
].flatMap((message) => [
  message,
  `dnsmasq-dhcp: ${message}`,
  `dnsmasq-dhcp[1]: ${message}`,
  `Nov 22 03:50:23 dnsmasq-dhcp[1]: ${message}`,
  `Nov 22 03:50:23 host dnsmasq-dhcp[1]: ${message}`,
  `<30>Nov 22 03:50:23 host dnsmasq-dhcp[1]: ${message}`,
  `99 <30>1 2026-11-22T03:50:23Z host dnsmasq-dhcp 1 - - ${message}`,
  `Sun Nov 22 03:50:23 2026 daemon.info dnsmasq-dhcp[1]: ${message}`,
  `{"SYSLOG_IDENTIFIER":"dnsmasq-dhcp","MESSAGE":"${message}"}`
])

/** Where foreign text can stand in a log, and what the line around it is. */
const carriers: ReadonlyArray<readonly [LogKind, (text: string) => string]> = [
  ["other", (text) => `Nov 22 03:50:23 dnsmasq-dhcp[1]: 9 vendor class: ${text}`],
  ["other", (text) => `Nov 22 03:50:23 host dnsmasq-dhcp[1]: 9 user class: ${text}`],
  ["other", (text) => `dnsmasq-dhcp: 9 client provides name: a.${text}`],
  ["other", (text) => `dnsmasq-dhcp[1]: 9 bootfile name: ${text}`],
  ["other", (text) => `dnsmasq-dhcp[1]: 9 sent size: 60 option: 60 vendor-class  ${text}`],
  ["other", (text) => `<30>1 2026-11-22T03:50:23Z host dnsmasq-dhcp 1 - -  read ${text}`],
  ["decline", (text) => `Nov 22 03:50:23 dnsmasq-dhcp[1]: DHCPDECLINE(e0) 10.0.0.1 ${REAL} ${text}`],
  ["nak", (text) => `dnsmasq-dhcp[1]: 9 DHCPNAK(e0) 10.0.0.1 ${REAL} ${text}`],
  [null, (text) => `Nov 22 03:50:23 dnsmasq[1]: query[A] ${text} from 10.0.0.1`],
  [null, (text) => `Nov 22 03:50:23 dnsmasq[1]: ${text}`],
  [null, (text) => `dnsmasq: reply ${text} is 10.0.0.1`],
  [null, (text) => `Nov 22 03:50:23 dnsmasq-script[1]: ${text}`],
  [null, (text) => `Nov 22 03:50:23 host dnsmasq-tftp[1]: sent ${text} to 10.0.0.1`],
  [null, (text) => `Nov 22 03:50:23 host sshd[1]: ${text}`],
  [null, (text) => `Nov 22 03:50:23 sshd: ${text}`],
  [null, (text) => `2026-11-22T03:50:23Z host cron[1]: ${text}`],
  [null, (text) => `<30>1 2026-11-22T03:50:23Z host app 1 - [x@1 y="dnsmasq-dhcp"] ${text}`],
  [null, (text) => `Sun Nov 22 03:50:23 2026 daemon.info hostapd: ${text}`],
  [
    null,
    (text) => JSON.stringify({ SYSLOG_IDENTIFIER: "dnsmasq", _TRANSPORT: "syslog", _COMM: "dnsmasq", MESSAGE: text })
  ],
  [null, (text) => JSON.stringify({ SYSLOG_IDENTIFIER: "sh", _TRANSPORT: "stdout", _COMM: "sh", MESSAGE: text })],
  [null, (text) => JSON.stringify({ app: "app", msg: text, tag: "dnsmasq-dhcp:" })]
]

const holds = (value: unknown) => String(value).includes(FORGED)

/** The fields that say who a record is about. */
const claims = ({ duid, hostname, interface: name, ip, mac }: LogRecord) =>
  [mac, duid, hostname, name].some(holds) || ip === "10.0.0.66" || ip === "fd99::66"

const within = (length: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: length - 1 }))

const oneLine = (text: string) => text.replaceAll("\n", " ")

describe("a log line", () => {
  for (const [kind, carry] of carriers) {
    it(`is not forged by the text in: ${carry("…")}`, () => {
      for (const fake of fakes) {
        const record = makeLogParser({ year: 2026 }).parse(carry(fake))
        assert.strictEqual(record.kind, kind, carry(fake))
        assert.isFalse(claims(record), carry(fake))
      }
    })
  }

  it.prop("is not forged wherever in the text the fake line stands", [
    within(fakes.length),
    within(carriers.length),
    Schema.String,
    Schema.String
  ], ([fakeIndex, carrierIndex, before, after]) => {
    const [kind, carry] = carriers[carrierIndex] ?? [null, String]
    const line = carry(oneLine(`${before}${fakes[fakeIndex] ?? ""}${after}`))
    const entries = makeLogScanner({ year: 2026 }).scan(new TextEncoder().encode(`${line}\n`)).entries
    assert.deepStrictEqual(entries.map(({ record }) => record.kind), kind === null ? [] : [kind])
    const joined = entries.map(({ record }) => makeTransactions().join(record))
    assert.isFalse(joined.some(claims))
  }, { arbitrary: { runs: 500 } })

  it.prop(
    "shows no control character to whoever prints it",
    [Schema.String, within(carriers.length)],
    ([text, index]) => {
      const carry = carriers[index]?.[1] ?? String
      const line = carry(oneLine(`\u001b[31m\u0000\u0085\u2028${text}`))
      for (const entry of makeLogScanner({ year: 2026 }).scan(new TextEncoder().encode(`${line}\n`)).entries) {
        assert.notMatch(JSON.stringify([entry.line, entry.record]), /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/)
        assert.notMatch(
          [entry.line, ...Object.values(entry.record)].join(" "),
          /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/
        )
      }
    }
  )
})
