/** The files that rotation may have made of a log, as they are on disk now. */
import { Effect } from "effect"
import { readdir, realpath } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { attemptFile, type FileStatus, type Incarnation, resume, statusOf } from "./Incarnation.ts"
import type { ReadTo } from "./LogFilePosition.ts"
import { isCompressed, isSibling, type Sibling } from "./siblings.ts"

export interface RotatedFile extends Sibling {
  readonly path: string
}

/** Beside the log, and beside what the log's name is a link to. */
export const rotatedFiles = Effect.fnUntraced(function*(log: string) {
  const target = yield* attemptFile("resolve", log, () => realpath(log)).pipe(Effect.orElseSucceed(() => log))
  const found: Array<RotatedFile> = []
  for (const place of new Set([log, target])) {
    const directory = dirname(place)
    const names = yield* attemptFile("list", directory, () => readdir(directory)).pipe(Effect.orElseSucceed(() => []))
    for (const name of names.filter((name) => isSibling(basename(place), name))) {
      const path = join(directory, name)
      const status = yield* Effect.option(statusOf(path))
      if (status._tag === "Some") found.push({ name, path, ...status.value })
    }
  }
  return found
})

/** Opens the file if it holds what was read; a file that cannot be read holds nothing. */
const resumeIf = (path: string, entry: ReadTo) => resume(path, entry).pipe(Effect.orElseSucceed(() => undefined))

/** Another file with the content that was read so far: the latest of them. */
export const findCopy = Effect.fnUntraced(function*(log: string, entry: ReadTo, opened: ReadonlySet<string>) {
  const likely = (yield* rotatedFiles(log)).filter(({ inode, name, size }) =>
    size >= entry.offset && !isCompressed(name) && !opened.has(inode)
  ).toSorted((a, b) => b.modified - a.modified)
  for (const { path } of likely) {
    const copy = yield* resumeIf(path, entry)
    if (copy !== undefined) return copy
  }
  return undefined
})

/** Finds again what was open: under its inode number at best, for a file may begin as another does. */
export const findAgain = Effect.fnUntraced(function*(log: string, entries: ReadonlyArray<ReadTo>) {
  const found = new Map<ReadTo, Incarnation>()
  if (entries.length === 0) return found
  const rotated = (yield* rotatedFiles(log)).filter(({ name }) => !isCompressed(name))
  const current = yield* Effect.option(statusOf(log))
  const everywhere = [...(current._tag === "Some" ? [{ path: log, ...current.value }] : []), ...rotated]
  const taken = new Set<string>()
  const ways: ReadonlyArray<readonly [typeof everywhere, (file: FileStatus, entry: ReadTo) => boolean]> = [
    [everywhere, ({ inode, size }, entry) => inode === entry.inode && size >= entry.size],
    [everywhere, ({ size }, entry) => size >= entry.size],
    // A copy may have been made just before the last lines came.
    [rotated, ({ size }, entry) => size >= entry.offset]
  ]
  for (const [files, fits] of ways) {
    for (const entry of entries) {
      for (const file of files) {
        if (found.has(entry)) break
        const self = taken.has(file.inode) || !fits(file, entry) ? undefined : yield* resumeIf(file.path, entry)
        if (self === undefined) continue
        taken.add(self.inode)
        found.set(entry, self)
      }
    }
  }
  return found
})
