/** The CloudEvents 1.0 attributes of a message in NATS headers (binary mode), and its `Nats-Msg-Id`. */
import type { DhcpEvent } from "./DhcpEvent.ts"

export const cloudEventHeaders = (
  event: Pick<DhcpEvent, "server" | "kind" | "id" | "at">
): ReadonlyArray<readonly [string, string]> => [
  ["Nats-Msg-Id", event.id],
  ["ce-id", event.id],
  ["ce-source", `/leasehold/servers/${event.server}`],
  ["ce-type", `leasehold.dhcp.v1.${event.kind}`],
  ["ce-specversion", "1.0"],
  ["ce-time", event.at],
  ["content-type", "application/json"]
]
