/** The subjects of the bus: building them from typed parts, and taking them apart. Tokens cannot hold dots or wildcards. */
import { Option, Schema } from "effect"
import { ServerId } from "./scalars/ServerId.ts"
import { type EventKind, isEventKind } from "./EventKind.ts"

export const allEvents = "dhcp.v1.event.*.*"
export const allRejected = "dhcp.v1.rejected.*"
export const allInjections = "dhcp.v1.inject.*"
export const allDiscoveries = "discovery.v1.*.*.*"

export const eventSubject = (server: ServerId, kind: EventKind): string => `dhcp.v1.event.${server}.${kind}`
export const rejectedSubject = (server: ServerId): string => `dhcp.v1.rejected.${server}`
export const injectSubject = (server: ServerId): string => `dhcp.v1.inject.${server}`

const decodeServer = Schema.decodeOption(ServerId)

/** `dhcp.v1.event.<server>.<kind>`; none when a token is not what it should be. */
export const parseEventSubject = (
  subject: string
): Option.Option<{ readonly server: ServerId; readonly kind: EventKind }> => {
  const tokens = subject.split(".")
  const kind = tokens[4]
  if (tokens.length !== 5 || !subject.startsWith("dhcp.v1.event.") || kind === undefined || !isEventKind(kind))
    return Option.none()
  return Option.map(decodeServer(tokens[3] ?? ""), (server) => ({ server, kind }))
}

/** The server of `dhcp.v1.<verb>.<server>…`, where it is one. */
export const serverOfSubject = (subject: string): Option.Option<ServerId> => decodeServer(subject.split(".")[3] ?? "")
