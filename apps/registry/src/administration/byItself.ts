/**
 * What follows from an administrator's word, done by the registry itself within the same transaction: it is not logged as that
 * word, and an automatic reservation that follows its system stays automatic.
 */
import type { Client, PostgresError } from "@leasehold/runtime"
import { Effect } from "effect"
import type { Caller } from "../api/Caller.ts"

const actorSql = "SELECT set_config('leasehold.actor', $1, true)"

export const byItself = <A, E>(
  client: Client,
  { actor }: Caller,
  use: Effect.Effect<A, E>
): Effect.Effect<A, E | PostgresError> =>
  client.query(actorSql, [""]).pipe(
    Effect.andThen(use),
    // Where it fails, the transaction is over.
    Effect.tap(() => client.query(actorSql, [actor]))
  )
