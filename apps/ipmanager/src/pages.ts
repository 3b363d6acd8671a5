/** Every item of a list, page after page, as they are wanted. */
import type { RegistryClient } from "@leasehold/registry-api/client"
import { Effect, Option, Stream } from "effect"
import type { Failure } from "./domain/Failure.ts"
import { type CallContext, Registry } from "./Registry.ts"

const largestPage = 1000

export interface PageRequest {
  readonly pageSize: number
  readonly pageToken: string
}

export interface Page<A> {
  readonly items: ReadonlyArray<A>
  readonly nextPageToken: string
}

/** @param limit how many items at most; all where it is undefined */
export const pages = <A>(
  limit: number | undefined,
  ask: (client: RegistryClient, page: PageRequest, context: CallContext) => Promise<Page<A>>
): Stream.Stream<A, Failure, Registry> => {
  const pageSize = limit === undefined ? largestPage : Math.min(limit, largestPage)
  const all = Stream.paginate(
    "",
    Effect.fnUntraced(function*(pageToken: string) {
      const registry = yield* Registry
      const { items, nextPageToken } = yield* registry.call((client, context) =>
        ask(client, { pageSize, pageToken }, context)
      )
      return [items, nextPageToken === "" ? Option.none<string>() : Option.some(nextPageToken)] as const
    })
  )
  return limit === undefined ? all : Stream.take(all, limit)
}
