/**
 * A whole file of dhcp-host entries: which of them dnsmasq would refuse, which it would misread, and which contradict
 * each other.
 */
import { Result } from "effect"
import type { DhcpHostError, HostDoubt } from "./DhcpHost/HostProblem.ts"
import { doubt } from "./DhcpHost/HostProblem.ts"
import { clean } from "./DhcpHost/tokenize.ts"
import { type HostForm, parseDhcpHost, type ParsedHost } from "./DhcpHost.ts"

export interface HostsFileProblem extends HostDoubt {
  /** From 1. */
  readonly line: number
  /** dnsmasq skips the line in a hosts file, and does not start with it in a conf file. */
  readonly refused: boolean
}

export interface HostsFileCheck {
  readonly hosts: ReadonlyArray<{ readonly line: number; readonly host: ParsedHost }>
  /** Lines of a conf file that hold other options. */
  readonly others: ReadonlyArray<number>
  readonly problems: ReadonlyArray<HostsFileProblem>
}

const problemOf = (line: number, { actual, expected, field }: HostDoubt | DhcpHostError, refused: boolean) => ({
  line,
  field,
  expected,
  actual,
  refused
})

/** What one host alone may claim; two lines that do are told of the first. */
const claims = (host: ParsedHost) => [
  ...(host.ip === undefined ? [] : [{ field: "ip", claim: host.ip, refused: true }]),
  ...host.macs.map((mac) => ({ field: "mac", claim: mac, refused: false })),
  ...(host.hostname === undefined ? [] : [{ field: "hostname", claim: host.hostname.toLowerCase(), refused: false }])
]

/** Checks every line; a file of the hosts form unless said otherwise. */
export const checkHostsFile = (text: string, form: HostForm = "hosts"): HostsFileCheck => {
  const hosts: Array<{ readonly line: number; readonly host: ParsedHost }> = []
  const others: Array<number> = []
  const problems: Array<HostsFileProblem> = []
  const holders = new Map<string, number>()

  const take = (line: number, host: ParsedHost) => {
    hosts.push({ line, host })
    for (const found of host.doubts) problems.push(problemOf(line, found, false))
    for (const { claim, field, refused } of claims(host)) {
      const key = `${field} ${claim}`
      const holder = holders.get(key)
      if (holder === undefined) holders.set(key, line)
      else problems.push(problemOf(line, doubt(field, `one that line ${holder} does not have`, claim), refused))
    }
  }

  text.split("\n").forEach((content, index, lines) => {
    const line = index + 1
    const cleaned = clean(content)
    if (Result.isSuccess(cleaned) && cleaned.success === "") return
    if (index === lines.length - 1) {
      problems.push(problemOf(line, doubt("line", "a newline at its end, or it may be half a line", content), false))
    }
    if (form === "conf" && Result.isSuccess(cleaned) && !/^dhcp-host *=/.test(cleaned.success)) {
      others.push(line)
      return
    }
    Result.match(parseDhcpHost(content, form), {
      onFailure: (error) => problems.push(problemOf(line, error, true)),
      onSuccess: (host) => take(line, host)
    })
  })
  return { hosts, others, problems }
}
