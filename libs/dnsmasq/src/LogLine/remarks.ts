/**
 * The other lines of dnsmasq-dhcp: what `log-dhcp` adds to a transaction, and what dnsmasq remarks about itself. They
 * are known by how they begin, in English: run dnsmasq with LC_ALL=C. A translated one is `unknown`, never an event.
 */
import { octetsEnd } from "../tokens.ts"
import type { Draft } from "./packets.ts"

interface Rule {
  readonly start: string
  readonly subkind: string
  /** The rest of the line is kept as text. */
  readonly keep?: true
}

/** With a transaction id before them. */
const OF_TRANSACTION: ReadonlyArray<Rule> = [
  { start: "sent size:", subkind: "sent-option" },
  { start: "nest size:", subkind: "sent-option" },
  { start: "requested options: ", subkind: "requested-options", keep: true },
  { start: "available DHCP range: ", subkind: "range" },
  { start: "available DHCP subnet: ", subkind: "range" },
  { start: "available DHCPv6 subnet: ", subkind: "range" },
  { start: "client provides name: ", subkind: "client-name", keep: true },
  { start: "vendor class: ", subkind: "vendor-class", keep: true },
  { start: "user class: ", subkind: "user-class", keep: true },
  { start: "tags: ", subkind: "tags", keep: true },
  { start: "client MAC address: ", subkind: "client-mac" },
  { start: "cannot determine client MAC address", subkind: "client-mac" },
  { start: "next server: ", subkind: "next-server" },
  { start: "bootfile name: ", subkind: "bootfile" },
  { start: "server name: ", subkind: "server-name" },
  { start: "broadcast response", subkind: "broadcast" },
  { start: "reply delay: ", subkind: "reply-delay" },
  { start: "prefix class ", subkind: "prefix-class" }
]

const OF_SERVER: ReadonlyArray<Rule> = [
  { start: "not giving name ", subkind: "name-conflict" },
  { start: "read ", subkind: "read", keep: true },
  { start: "DHCP, ", subkind: "startup" },
  { start: "DHCPv6, ", subkind: "startup" },
  { start: "DHCPv6 stateless on ", subkind: "startup" },
  { start: "DHCPv4-derived IPv6 names on ", subkind: "startup" },
  { start: "router advertisement on ", subkind: "startup" },
  { start: "IPv6 router advertisement enabled", subkind: "startup" },
  { start: "not using configured address ", subkind: "static-unavailable" },
  { start: "disabling DHCP static address ", subkind: "static-disabled" },
  { start: "abandoning lease to ", subkind: "abandon" },
  { start: "Ignoring domain ", subkind: "ignored-domain" },
  { start: "no address range available for DHCP", subkind: "no-range" },
  { start: "DHCP packet received on ", subkind: "no-iface-address" },
  { start: "Error sending DHCP packet to ", subkind: "send-error" },
  { start: "DHCP relay ", subkind: "relay" },
  { start: "DHCP split-relay ", subkind: "relay" },
  { start: "Cannot send to server via interface ", subkind: "relay" },
  { start: "Cannot broadcast DHCP relay via interface ", subkind: "relay" },
  { start: "Cannot multicast DHCP relay via interface ", subkind: "relay" },
  { start: "Cannot multicast to DHCPv6 server ", subkind: "relay" },
  { start: "leasequery from ", subkind: "lease-query" },
  { start: "DHCP range ", subkind: "config-problem" },
  { start: "DHCP request for unsupported hardware type ", subkind: "config-problem" },
  { start: "Ignoring duplicate dhcp-option ", subkind: "config-problem" },
  { start: "duplicate IP address ", subkind: "config-problem" },
  { start: "No IPv4 address found for ", subkind: "config-problem" },
  { start: "cannot send DHCP/BOOTP option ", subkind: "config-problem" },
  { start: "cannot send RFC3925 option", subkind: "config-problem" },
  { start: "PXE ", subkind: "config-problem" },
  { start: "unknown prefix-class ", subkind: "config-problem" },
  { start: "unknown interface ", subkind: "config-problem" },
  { start: "Working around kernel bug: ", subkind: "config-problem" },
  { start: "ARP-cache injection failed: ", subkind: "config-problem" },
  { start: "failed to ", subkind: "file-problem" },
  { start: "ignoring ", subkind: "file-problem" },
  { start: "bad ", subkind: "file-problem" }
]

/** Begin with a name, so that only what follows it tells. */
const AFTER_NAME: ReadonlyArray<Rule> = [
  { start: "is a CNAME, not giving it to the DHCP lease of ", subkind: "name-conflict" },
  { start: "has more than one address in hostsfile, using ", subkind: "config-problem" }
]

/** By their first character: a log may hold many remarks, and the lists are long. */
const byFirst = (rules: ReadonlyArray<Rule>): ReadonlyMap<number, ReadonlyArray<Rule>> =>
  Map.groupBy(rules, ({ start }) => start.charCodeAt(0))

const ofTransaction = byFirst(OF_TRANSACTION)
const ofServer = byFirst(OF_SERVER)
const afterName = byFirst(AFTER_NAME)

/** The journal takes the blank away when nothing follows it. */
const begins = (line: string, at: number, end: number, start: string): boolean =>
  line.startsWith(start, at) || (end - at === start.length - 1 && start === `${line.slice(at, end)} `)

const match = (rules: ReturnType<typeof byFirst>, line: string, at: number, end: number): Rule | undefined => {
  for (const rule of rules.get(line.charCodeAt(at)) ?? []) if (begins(line, at, end, rule.start)) return rule
  return undefined
}

const ofName = (line: string, at: number, end: number): Rule | undefined => {
  const blank = line.indexOf(" ", at)
  return blank === -1 ? undefined : match(afterName, line, blank + 1, end)
}

/** Says what an `other` line is; `numbered` lines stand behind a transaction id. */
export const readRemark = (line: string, at: number, end: number, numbered: boolean, draft: Draft): void => {
  const rule = numbered ? match(ofTransaction, line, at, end) : match(ofServer, line, at, end) ?? ofName(line, at, end)
  if (rule === undefined) {
    draft.subkind = "unknown"
    return
  }
  draft.subkind = rule.subkind
  const rest = at + rule.start.length
  if (rule.keep && rest < end) draft.text = line.slice(rest, end)
  if (rule.subkind === "client-mac" && octetsEnd(line, rest) === end) draft.mac = line.slice(rest, end)
}
