/** Whether a DHCP server of a name is known: to a subnet, to an ingest, or to a configuration of one. */
import { Effect } from "effect"
import type { Failure } from "../domain/Failure.ts"
import { harmless } from "../domain/output/harmless.ts"
import { Registry } from "../Registry.ts"
import { Screen } from "../Screen.ts"

/** What the registry says of a name that nothing has; undefined of one that is known. */
const unknown = Effect.fnUntraced(function*(server: string) {
  const registry = yield* Registry
  const refused: Failure | undefined = yield* registry.call((client, context) =>
    client.server.getServer({ server }, context)
  ).pipe(
    Effect.as(undefined),
    Effect.catchIf(({ reason }) => reason === "not-found", (failure) => Effect.succeed(failure))
  )
  if (refused === undefined) return undefined
  const isWatched = yield* registry.call(async (client, context) => {
    const { ingests } = await client.watcher.getWatcherStatus({ server }, context)
    if (ingests.length > 0) return true
    return (await client.watcher.getWatcherConfiguration({ server }, context)).configurations.length > 0
  })
  return isWatched ? undefined : refused
})

/** Fails with those that are known. */
export const requireKnown = Effect.fnUntraced(function*(server: string) {
  const refused = yield* unknown(server)
  if (refused !== undefined) return yield* refused
})

/** Where a name may be new: says that it is, in case it was misspelt. */
export const warnUnlessKnown = Effect.fnUntraced(function*(server: string) {
  if (server === "" || (yield* unknown(server)) === undefined) return
  const screen = yield* Screen
  yield* screen.err(
    `note: no DHCP server ${harmless(JSON.stringify(server))} is known; see \`ipmanager server list\`\n`
  )
})
