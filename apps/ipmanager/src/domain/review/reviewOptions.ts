/** What the options of a dnsmasq configuration mean for who watches its log, and for how many leases there can be. */
import { placeText } from "../imports/ImportItem.ts"
import type { Finding } from "../views/finding.ts"
import type { ConfLine } from "./confLines.ts"
import type { DhcpRange } from "./ranges.ts"

const last = (lines: ReadonlyArray<ConfLine>, keyword: string) => lines.findLast((line) => line.keyword === keyword)

const reviewLog = (lines: ReadonlyArray<ConfLine>, subject: string): ReadonlyArray<Finding> => {
  const findings: Array<Finding> = []
  const quiet = last(lines, "quiet-dhcp")
  if (quiet !== undefined) {
    findings.push({
      severity: "error",
      code: "quiet-dhcp",
      subject: placeText(quiet.place),
      message: "dnsmasq does not log what it gives to whom: nothing can be discovered",
      advice: "Remove `quiet-dhcp`."
    })
  }
  if (last(lines, "log-dhcp") === undefined) {
    findings.push({
      severity: "warning",
      code: "no-log-dhcp",
      subject,
      message: "the log does not tell what clients call themselves, nor their vendor classes",
      advice: "Add `log-dhcp`."
    })
  }
  const facility = last(lines, "log-facility")
  if (facility === undefined || !facility.value.startsWith("/")) {
    findings.push({
      severity: "warning",
      code: "no-log-facility",
      subject: facility === undefined ? subject : placeText(facility.place),
      message: "dnsmasq logs to no file that an ingest could follow",
      advice: "Add `log-facility=/var/log/dnsmasq.log`, and let the ingest read it."
    })
  }
  return findings
}

/** dnsmasq's own default. */
const defaultLeaseMax = 1000

const reviewLeases = (
  lines: ReadonlyArray<ConfLine>,
  ranges: ReadonlyArray<DhcpRange>,
  reserved: number,
  subject: string
): ReadonlyArray<Finding> => {
  const findings: Array<Finding> = []
  const most = last(lines, "dhcp-lease-max")
  const allowed = most === undefined || !/^\d+$/u.test(most.value) ? defaultLeaseMax : Number(most.value)
  const dynamic = ranges.reduce(
    (sum, range) => sum + (range.isStatic ? 0 : Math.max(0, range.last - range.first + 1)),
    0
  )
  const possible = dynamic + reserved
  if (ranges.length > 0 && possible > allowed) {
    findings.push({
      severity: "warning",
      code: "lease-max-small",
      subject: most === undefined ? subject : placeText(most.place),
      message:
        `at most ${allowed} leases are allowed${most === undefined ? " (dnsmasq's default)" : ""}, and ${possible} `
        + `are possible: ${dynamic} dynamic and ${reserved} reserved`,
      advice: `Set \`dhcp-lease-max=${possible}\` or more, or later clients get nothing.`
    })
  }
  if (ranges.length > 0 && last(lines, "dhcp-authoritative") === undefined) {
    findings.push({
      severity: "note",
      code: "not-authoritative",
      subject,
      message: "clients with a lease of another server wait for its end before they take one of this",
      advice: "Add `dhcp-authoritative` if no other DHCP server serves these networks."
    })
  }
  return findings
}

/**
 * @param subject what is reviewed, for what is missing
 * @param reserved how many addresses are reserved outside of the ranges
 */
export const reviewOptions = (
  lines: ReadonlyArray<ConfLine>,
  ranges: ReadonlyArray<DhcpRange>,
  reserved: number,
  subject: string
): ReadonlyArray<Finding> => [...reviewLog(lines, subject), ...reviewLeases(lines, ranges, reserved, subject)]
