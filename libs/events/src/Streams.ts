/** The JetStream streams of the bus. Whoever starts first creates them; limits are in the units of the NATS API. */
import { allDiscoveries, allEvents, allRejected } from "./Subjects.ts"

export interface StreamDefinition {
  readonly name: string
  readonly description: string
  readonly subjects: ReadonlyArray<string>
  /** How long messages are kept, in days. */
  readonly maxAgeDays: number
  /** How long a `Nats-Msg-Id` is remembered, in minutes. */
  readonly duplicateWindowMinutes: number
  /** The largest message taken, in bytes. */
  readonly maxMessageSize: number
}

export const DHCP = {
  name: "DHCP",
  description: "DHCP events as dnsmasq logged them",
  subjects: [allEvents],
  maxAgeDays: 7,
  duplicateWindowMinutes: 10,
  maxMessageSize: 65_536
} as const satisfies StreamDefinition

export const REJECTED = {
  name: "REJECTED",
  description: "Messages that could not be understood, with the reason in their headers",
  subjects: [allRejected],
  maxAgeDays: 30,
  duplicateWindowMinutes: 10,
  maxMessageSize: 131_072
} as const satisfies StreamDefinition

export const DISCOVERY = {
  name: "DISCOVERY",
  description: "What became known: systems, addresses, names, reservations, servers",
  subjects: [allDiscoveries],
  maxAgeDays: 30,
  duplicateWindowMinutes: 10,
  maxMessageSize: 65_536
} as const satisfies StreamDefinition

export const streams = [DHCP, REJECTED, DISCOVERY] as const
