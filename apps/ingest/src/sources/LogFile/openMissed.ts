/** Opens rotated files that nobody has opened yet: all of them or, where one moved meanwhile, none. */
import { Effect } from "effect"
import { closeQuietly, type Incarnation, resume } from "./Incarnation.ts"
import type { ReadTo } from "./LogFilePosition.ts"
import { isCopyOf, openListed, type RotatedFile } from "./rotatedFiles.ts"
import { isCompressed } from "./siblings.ts"

export interface Missed {
  readonly found: ReadonlyArray<Incarnation>
  /** What cannot be read, and why. */
  readonly lost: ReadonlyArray<readonly [file: RotatedFile, reason: string]>
}

/** Passes over copies: of what was read last, and of what the log holds now. */
export const openMissed = Effect.fnUntraced(function*(
  files: ReadonlyArray<RotatedFile>,
  before: ReadTo | undefined,
  log: Incarnation | undefined
) {
  const found: Array<Incarnation> = []
  const lost: Array<readonly [RotatedFile, string]> = []
  const isCopy = Effect.fnUntraced(function*(one: Incarnation) {
    // Of a file that nothing was read of, nobody can say.
    if (before !== undefined && before.offset > 0 && (yield* resume(one, before))) return true
    return log !== undefined && (yield* isCopyOf(one, log))
  })
  const open = Effect.fnUntraced(function*(file: RotatedFile) {
    if (isCompressed(file.name)) {
      lost.push([file, "a rotated log file was compressed before it was read"])
      return
    }
    const one = yield* openListed(file)
    if (yield* isCopy(one).pipe(Effect.onError(() => closeQuietly(one.handle)))) yield* closeQuietly(one.handle)
    else found.push(one)
  })
  for (const file of files) {
    yield* open(file).pipe(
      Effect.catchTag("LogFileError", (error) =>
        error.code === "EACCES" || error.code === "EPERM"
          ? Effect.sync(() => void lost.push([file, "a rotated log file may not be read"]))
          : Effect.fail(error)),
      Effect.onError(() => Effect.forEach(found, ({ handle }) => closeQuietly(handle), { discard: true }))
    )
  }
  return { found, lost } satisfies Missed
})
