/** ServerService: the DHCP servers, and what became of their files. */
import type { MessageInitShape } from "@bufbuild/protobuf"
import type { ServiceImpl } from "@connectrpc/connect"
import {
  ApplyResult,
  type DhcpServerSchema,
  ExportHostsRequestSchema,
  ExportHostsResponseSchema,
  GetServerRequestSchema,
  GetServerResponseSchema,
  ListServersRequestSchema,
  ListServersResponseSchema,
  type ServerService
} from "@leasehold/registry-api"
import { Effect, Stream } from "effect"
import { type Server, Servers } from "../../ipam/Servers.ts"
import type { Implementing } from "../implement.ts"
import { optionalTimestamp } from "../messages.ts"

export const serverService = (method: Implementing<Servers>) =>
  ({
    listServers: method.unary(
      ListServersRequestSchema,
      ListServersResponseSchema,
      Effect.fn("ServerService.listServers")(function*() {
        const { list } = yield* Servers
        return { servers: (yield* list).map(toMessage) }
      })
    ),
    getServer: method.unary(
      GetServerRequestSchema,
      GetServerResponseSchema,
      Effect.fn("ServerService.getServer")(function*({ server }) {
        const servers = yield* Servers
        return { server: toMessage(yield* servers.get(server)) }
      })
    ),
    exportHosts: method.serverStreaming(
      ExportHostsRequestSchema,
      ExportHostsResponseSchema,
      ({ server }) =>
        Stream.unwrap(
          Effect.map(Servers, ({ hosts }) => Stream.map(hosts(server), (lines) => ({ lines: [...lines] })))
        )
    )
  }) satisfies ServiceImpl<typeof ServerService>

const results = {
  applied: ApplyResult.APPLIED,
  failed: ApplyResult.FAILED
} as const satisfies Record<"applied" | "failed", ApplyResult>

const toMessage = (server: Server): MessageInitShape<typeof DhcpServerSchema> => ({
  server: server.server,
  wantedGeneration: BigInt(server.wanted),
  appliedGeneration: BigInt(server.applied ?? 0),
  ...optionalTimestamp("appliedAt", server.applied_at),
  appliedReservations: BigInt(server.applied_reservations ?? 0),
  appliedHash: server.applied_hash ?? "",
  ...optionalTimestamp("attemptedAt", server.attempted_at),
  attemptedGeneration: BigInt(server.attempted ?? 0),
  result: server.result === null ? ApplyResult.UNSPECIFIED : results[server.result],
  error: server.error ?? "",
  subnets: [...server.subnets],
  ...optionalTimestamp("lastEventAt", server.last_event_at)
})
