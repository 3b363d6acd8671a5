/** WatcherService: what is known of the machines on the network, and how they are watched. */
import type { ServiceImpl } from "@connectrpc/connect"
import {
  GetSystemRequestSchema,
  GetSystemResponseSchema,
  ListSystemsRequestSchema,
  ListSystemsResponseSchema,
  type WatcherService
} from "@leasehold/registry-api"
import { Effect } from "effect"
import { Systems } from "../../systems/Systems.ts"
import type { Implementing } from "../implement.ts"
import { pageSize, pageToken, readPageToken } from "../pageToken.ts"
import { filterOf, systemMessage } from "./watcher/systemMessage.ts"

export const watcherService = (method: Implementing<Systems>) =>
  ({
    getSystem: method.unary(
      GetSystemRequestSchema,
      GetSystemResponseSchema,
      Effect.fn("WatcherService.getSystem")(function*({ key }) {
        const systems = yield* Systems
        return { system: systemMessage(yield* systems.find(key)) }
      })
    ),
    listSystems: method.unary(
      ListSystemsRequestSchema,
      ListSystemsResponseSchema,
      Effect.fn("WatcherService.listSystems")(function*(request) {
        const systems = yield* Systems
        const filter = yield* Effect.flatMap(filterOf(request.filter), systems.resolve)
        const size = yield* pageSize(request.pageSize)
        const [after] = (yield* readPageToken(filter, request.pageToken)) ?? []
        const found = yield* systems.list(filter, { after, size: size + 1 })
        const last = found.length > size ? found[size - 1] : undefined
        return {
          systems: found.slice(0, size).map(systemMessage),
          nextPageToken: last === undefined ? "" : pageToken(filter, [last.mac])
        }
      })
    )
  }) satisfies Partial<ServiceImpl<typeof WatcherService>>
