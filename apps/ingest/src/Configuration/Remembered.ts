/**
 * What was followed last, kept in the state directory: a restart without the bus follows the same files, and a file that
 * was being left is left properly after a kill.
 */
import { ServerId, WatcherConfig } from "@leasehold/events"
import { Effect, Option, Schema } from "effect"
import { mkdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { writeWhole } from "../wholeFile.ts"

const Remembered = Schema.Struct({
  version: Schema.Literal(1),
  server: ServerId,
  /** Absent where it is that of the start. */
  config: Schema.optionalKey(WatcherConfig),
  /** Files that are no longer wanted and not yet read to their end. */
  leaving: Schema.Array(Schema.String)
})
export type Remembered = typeof Remembered.Type

const RememberedJson = Schema.fromJsonString(Schema.toCodecJson(Remembered))
const decode = Schema.decodeUnknownEffect(RememberedJson)
const encode = Schema.encodeSync(RememberedJson)

export const makeRemembered = (stateDirectory: string, server: ServerId) => {
  const file = join(stateDirectory, "watched")
  let isTold = false
  return {
    load: Effect.gen(function*() {
      const text = yield* Effect.promise(() => readFile(file, "utf8").catch(() => undefined))
      if (text === undefined) return Option.none<Remembered>()
      return yield* decode(text).pipe(
        Effect.filterOrFail((remembered) => remembered.server === server),
        Effect.asSome,
        Effect.catch((cause) =>
          Effect.logWarning("what was watched last is damaged or another server's", { file, cause: String(cause) })
            .pipe(
              Effect.as(Option.none<Remembered>())
            )
        )
      )
    }),
    save: Effect.fnUntraced(function*(remembered: Pick<Remembered, "config" | "leaving">) {
      const text = encode({ version: 1, server, ...remembered })
      const problem = yield* Effect.promise(() =>
        mkdir(stateDirectory, { recursive: true, mode: 0o750 }).then(() => writeWhole(file, text)).then(
          () => undefined,
          (error: unknown) => String(error)
        )
      )
      if (problem !== undefined && !isTold) {
        yield* Effect.logWarning("what is watched cannot be written down", { file, problem })
      }
      isTold = problem !== undefined
    })
  }
}
