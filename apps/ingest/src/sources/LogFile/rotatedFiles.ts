/**
 * The files that rotation may have made of a log, as they are on disk now.
 *
 * A rotation renames files one by one, and it may do so while they are listed or before they are opened. What was listed
 * is therefore a picture of one instant, and what is opened is the file that was listed, or everything is done again.
 */
import { Effect, Schedule, Schema } from "effect"
import { readdir, realpath } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import {
  attemptFile,
  closeQuietly,
  type FileStatus,
  type Incarnation,
  LogFileError,
  openIncarnation,
  readAt,
  readHead,
  resume,
  statusOf
} from "./Incarnation.ts"
import type { ReadTo } from "./LogFilePosition.ts"
import { isCompressed, isSibling, type Sibling } from "./siblings.ts"

export interface RotatedFile extends Sibling, FileStatus {
  readonly path: string
}

/** A name leads to another file than it did a moment ago, or to none: a rotation is under way. */
export class FileMoved extends Schema.TaggedError<FileMoved>()("FileMoved", { path: Schema.String }) {}

/** Does it again from the beginning when a file moved meanwhile. A rotation is over soon. */
export const untilSteady = <A, R>(log: string, search: Effect.Effect<A, LogFileError | FileMoved, R>) =>
  search.pipe(
    Effect.retry({
      while: ({ _tag }) => _tag === "FileMoved",
      times: 200,
      schedule: Schedule.spaced("2 millis")
    }),
    Effect.catchTag("FileMoved", (cause) =>
      new LogFileError({ operation: "find the rotated files of", path: log, cause }))
  )

const listOnce = Effect.fnUntraced(function*(log: string) {
  const target = yield* attemptFile("resolve", log, () => realpath(log)).pipe(Effect.orElseSucceed(() => log))
  const rotated: Array<RotatedFile> = []
  for (const place of new Set([log, target])) {
    const directory = dirname(place)
    const names = yield* attemptFile("list", directory, () => readdir(directory)).pipe(Effect.orElseSucceed(() => []))
    for (const name of names.filter((name) => isSibling(basename(place), name))) {
      const path = join(directory, name)
      const status = yield* Effect.option(statusOf(path))
      if (status._tag === "Some") rotated.push({ name, path, ...status.value })
    }
  }
  const current = yield* Effect.option(statusOf(log))
  return { current: current._tag === "Some" ? { path: log, ...current.value } : undefined, rotated }
})

const namesIn = ({ current, rotated }: Effect.Success<ReturnType<typeof listOnce>>) =>
  [`${current?.inode}`, ...rotated.map(({ inode, path }) => `${path} ${inode}`).toSorted()].join("\n")

/** What the log's name leads to, and what was rotated: beside the log, and beside what the log's name is a link to. */
export const logFiles = Effect.fnUntraced(function*(log: string) {
  const [first, second] = [yield* listOnce(log), yield* listOnce(log)]
  // A file that was renamed between two of the questions is missing, or there twice.
  return namesIn(first) === namesIn(second) ? second : yield* new FileMoved({ path: log })
})

/** Opens what was listed, not what has its name by now. */
export const openListed = Effect.fnUntraced(function*({ inode, path }: Pick<RotatedFile, "inode" | "path">) {
  const self = yield* openIncarnation(path).pipe(
    Effect.catchIf(({ code }) => code === "ENOENT", () => Effect.fail(new FileMoved({ path })))
  )
  if (self.inode === inode) return self
  yield* closeQuietly(self.handle)
  return yield* new FileMoved({ path })
})

/** Opens the file if it holds what was read; a file that cannot be read holds nothing. */
const resumeIf = Effect.fnUntraced(
  function*(file: Pick<RotatedFile, "inode" | "path">, entry: ReadTo) {
    const self = yield* openListed(file)
    if (yield* resume(self, entry).pipe(Effect.onError(() => closeQuietly(self.handle)))) return self
    yield* closeQuietly(self.handle)
    return undefined
  },
  Effect.catchTag("LogFileError", () => Effect.undefined)
)

/** Whether the file is a copy of the log that is being made, or was made just now: the log still holds all of it. */
export const isCopyOf = Effect.fnUntraced(function*(self: Incarnation, log: Incarnation) {
  const { size } = yield* statusOf(log.path, log.handle)
  // One that was renamed is older than the log that came after it, even if it begins as that does.
  if (size === 0 || self.size > size || self.born < log.born) return false
  const [head, logHead] = [yield* readHead(self), yield* readHead(log)]
  const length = Math.min(self.size, head.length)
  const from = self.size - length
  const [tail, logTail] = [
    yield* readAt(self, Buffer.alloc(length), length, from),
    yield* readAt(log, Buffer.alloc(length), length, from)
  ]
  return tail.equals(logTail) && head.subarray(0, length).equals(logHead.subarray(0, length))
})

/** The listed file that still holds what was read, under the inode number that it had. */
export const findListed = Effect.fnUntraced(function*(files: ReadonlyArray<RotatedFile>, entry: ReadTo | undefined) {
  const file = files.find(({ inode }) => inode === entry?.inode)
  const self = file === undefined || entry === undefined ? undefined : yield* resumeIf(file, entry)
  if (self === undefined) return undefined
  yield* closeQuietly(self.handle)
  return file
})

/** Another file with the content that was read so far: the latest of them. */
export const findCopy = (log: string, entry: ReadTo, opened: ReadonlySet<string>) =>
  untilSteady(
    log,
    Effect.gen(function*() {
      const likely = (yield* logFiles(log)).rotated.filter(({ inode, name, size }) =>
        size >= entry.offset && !isCompressed(name) && !opened.has(inode)
      ).toSorted((a, b) => b.modified - a.modified)
      for (const file of likely) {
        const copy = yield* resumeIf(file, entry)
        if (copy !== undefined) return copy
      }
      return undefined
    })
  )

/** Finds again what was open: under its inode number at best, for a file may begin as another does. */
const findAgainOnce = Effect.fnUntraced(function*(
  log: string,
  entries: ReadonlyArray<ReadTo>,
  found: Map<ReadTo, Incarnation>
) {
  const { current, rotated: all } = yield* logFiles(log)
  const rotated = all.filter(({ name }) => !isCompressed(name))
  const everywhere = [...(current === undefined ? [] : [current]), ...rotated]
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
        const self = taken.has(file.inode) || !fits(file, entry) ? undefined : yield* resumeIf(file, entry)
        if (self === undefined) continue
        taken.add(self.inode)
        found.set(entry, self)
      }
    }
  }
  return found
})

export const findAgain = (log: string, entries: ReadonlyArray<ReadTo>) =>
  entries.length === 0 ? Effect.succeed(new Map<ReadTo, Incarnation>()) : untilSteady(
    log,
    Effect.suspend(() => {
      const found = new Map<ReadTo, Incarnation>()
      return findAgainOnce(log, entries, found).pipe(
        Effect.onError(() => Effect.forEach(found.values(), ({ handle }) => closeQuietly(handle), { discard: true }))
      )
    })
  )
