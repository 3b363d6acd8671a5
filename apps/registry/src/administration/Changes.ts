/**
 * What was decided, by whom, and taking it back: the undoing of a change is itself a change, and can be undone.
 */
import { type Client, Postgres } from "@leasehold/runtime"
import { Context, Effect, Layer, Schema } from "effect"
import { ApiError } from "../api/ApiError.ts"
import type { Caller } from "../api/Caller.ts"
import { Identifier, pageSize, pageTokenReader } from "../api/pageToken.ts"
import { type Page, pageOf, type PageRequest } from "../ipam/pages.ts"
import { Administration } from "./Administration.ts"
import { type Change, type ChangeFilter, listChanges, loadChange } from "./Changes/rows.ts"
import { undoChange } from "./Changes/undo.ts"

const readToken = pageTokenReader(Schema.Tuple([Identifier]))

export class Changes extends Context.Service<Changes, {
  /** The latest first. */
  list(filter: ChangeFilter, page: PageRequest): Effect.Effect<Page<Change>, ApiError>
  /** What the undoing changes; in a dry run its number is 0. */
  undo(caller: Caller, id: bigint, dryRun: boolean): Effect.Effect<Change, ApiError>
}>()("registry/administration/Changes") {
  static readonly layer = Layer.effect(
    Changes,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const administration = yield* Administration

      const list = Effect.fn("Changes.list")(
        function*(filter: ChangeFilter, page: PageRequest) {
          const size = yield* pageSize(page.size)
          const [before] = (yield* readToken(filter, page.token)) ?? []
          return pageOf(yield* listChanges(postgres, filter, before, size + 1), size, filter, ({ id }) => [id])
        },
        Effect.catchTag("PostgresError", Effect.die)
      )

      const undo = Effect.fn("Changes.undo")(function*(caller: Caller, id: bigint, dryRun: boolean) {
        const { result } = yield* administration.change(
          { caller, action: `undo ${id}`, dryRun, undoes: id },
          (client) =>
            Effect.gen(function*() {
              const number = id.toString()
              const undone = id <= 0n || number.length > 18 ? undefined : yield* loadChange(client, number)
              if (undone === undefined) return yield* ApiError.refuse("not-found", "no such change", "id")
              yield* requireScope(client, caller, number)
              if (undone.undone_by !== null) {
                const message = `change ${number} is taken back already, by change ${undone.undone_by}`
                return yield* ApiError.refuse("failed-precondition", message)
              }
              yield* undoChange(client, caller, number)
              const [row] = yield* client.query<{ change: string }>("SELECT current_change()::text AS change")
              const change = yield* loadChange(client, row?.change ?? "0")
              return yield* Effect.orDie(Effect.fromNullishOr(change))
            })
        )
        return dryRun ? { ...result, id: "0" } : result
      })

      return Changes.of({ list, undo })
    })
  )
}

const beyondSql = `
  SELECT entity FROM change_log WHERE change = $1::bigint AND entity NOT IN ('reservation', 'system') ORDER BY id LIMIT 1`

/** Taking back is changing: who may not change a subnet may not take its change back. */
const requireScope = Effect.fnUntraced(function*(client: Client, { actor, scope }: Caller, change: string) {
  if (scope === "administer") return
  const [beyond] = yield* client.query<{ entity: string }>(beyondSql, [change])
  if (beyond === undefined) return
  return yield* ApiError.refuse(
    "permission-denied",
    `taking back the change of a ${beyond.entity} needs the scope administer; ${actor} has ${scope}`
  )
})
