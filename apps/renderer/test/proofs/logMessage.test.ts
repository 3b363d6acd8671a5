import { assert, describe, it } from "@effect/vitest"
import { readReport } from "../../src/proofs/logMessage.ts"

const path = "/etc/dnsmasq.hosts/0000000000000000042"
const report = (line: string) => readReport(line, new Set([path]))

describe("dnsmasq's log about a file", () => {
  const read: Readonly<Record<string, string>> = {
    "dnsmasq's own log file": `Nov 22 03:47:52 dnsmasq-dhcp[4711]: read ${path}`,
    "rsyslog's traditional file": `Nov 22 03:50:23 labhost dnsmasq-dhcp[4711]: read ${path}`,
    "a file with ISO times": `2026-11-22T03:50:23.055763+00:00 labhost dnsmasq-dhcp[4711]: read ${path}`,
    "stderr": `dnsmasq-dhcp[4711]: read ${path}`,
    "German": `Nov  2 03:47:52 dnsmasq-dhcp[4711]: ${path} gelesen`,
    "French": `Nov 22 03:47:52 dnsmasq-dhcp[4711]: Lecture de ${path}`,
    "a directory configured with a slash": `Nov 22 03:47:52 dnsmasq-dhcp[4711]: read ${path.replace("/00", "//00")}`
  }
  for (const [what, line] of Object.entries(read)) {
    it(`says that it was read, in ${what}`, () => assert.deepStrictEqual(report(line), { _tag: "Read", pid: 4711 }))
  }

  it("says so without a process id too", () => {
    assert.deepStrictEqual(report(`Nov 22 03:50:23 labhost dnsmasq-dhcp: read ${path}`), {
      _tag: "Read",
      pid: undefined
    })
  })

  it("names the lines that were skipped, in any language", () => {
    const english = `duplicate dhcp-host IP address 10.99.0.3 at line 5 of ${path}`
    assert.deepStrictEqual(report(`Nov 22 03:47:52 dnsmasq[4711]: ${english}`), {
      _tag: "LineRefused",
      line: 5,
      message: english
    })
    const german = report(`Nov 22 03:47:52 dnsmasq[4711]: falsche hex-Konstante in Zeile 12 von ${path}`)
    assert.strictEqual(german?._tag === "LineRefused" && german.line, 12)
  })

  it("says that the file cannot be read", () => {
    assert.strictEqual(
      report(`Nov 22 03:47:52 dnsmasq[4711]: cannot read ${path}: Permission denied`)?._tag,
      "Unreadable"
    )
  })

  const forged: Readonly<Record<string, string>> = {
    "a decline message":
      `Nov 22 03:47:52 dnsmasq-dhcp[4711]: DHCPDECLINE(br-lan) 10.0.0.5 02:00:00:00:00:01 read ${path}`,
    "a vendor class": `Nov 22 03:47:52 dnsmasq-dhcp[4711]: 123456 vendor class: read ${path}`,
    "a vendor class that holds a whole line":
      `Nov 22 03:47:52 dnsmasq-dhcp[4711]: 123456 vendor class: Nov 22 03:47:52 dnsmasq-dhcp[4711]: read ${path}`,
    "a DNS query": `Nov 22 03:47:52 dnsmasq[4711]: query[A] at line 3 of ${path} from 10.0.0.5`,
    "a DNS query with a serial number": `Nov 22 03:47:52 dnsmasq[4711]: 17 10.0.0.5/3412 query[A] at line 3 of ${path}`,
    "another program": `Nov 22 03:47:52 labhost sshd[99]: Invalid user dnsmasq-dhcp[4711]: read ${path}`,
    "another program without a process id": `Nov 22 03:47:52 labhost sshd: dnsmasq-dhcp[4711]: read ${path}`,
    "another generation": `Nov 22 03:47:52 dnsmasq-dhcp[4711]: read ${path}1`,
    "another directory": `Nov 22 03:47:52 dnsmasq-dhcp[4711]: read /srv${path}`
  }
  for (const [what, line] of Object.entries(forged)) {
    it(`is not forged by ${what}`, () => assert.isUndefined(report(line)))
  }
})
