/**
 * The unfinished incarnations of one log file, oldest first, and how they come and go.
 *
 * A new one is what the log's name leads to now; those that were rotated away between two looks are found beside it.
 * What cannot be read any more is a loss, which is told and never passed over in silence.
 */
import { Clock, Effect } from "effect"
import { readdir, realpath } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import {
  attemptFile,
  closeQuietly,
  type Incarnation,
  isRelevant,
  type LogFileError,
  openIncarnation,
  readFingerprint,
  readTo,
  refresh,
  remainder,
  resume,
  statusOf
} from "./Incarnation.ts"
import { type LogFilePosition, type ReadTo, sourceOf } from "./LogFilePosition.ts"
import { isCompressed, isSibling, rotatedAfter, type Sibling } from "./siblings.ts"

/** Lines that were written and cannot be read. */
export interface Loss {
  readonly _tag: "Loss"
  readonly source: string
  readonly position: number
  readonly reason: string
  /** What is left of them. */
  readonly text?: string
}

/** More rotated files than this are not held open; ingest is then behind by as many rotations. */
const limit = 500

export const makeIncarnations = Effect.fnUntraced(function*(path: string, saved: LogFilePosition | undefined) {
  const list: Array<Incarnation> = []
  const losses: Array<Loss> = []
  const since = saved?.since ?? (yield* Clock.currentTimeMillis)
  /** The newest with an identity, open or not. */
  let newest: Incarnation | undefined
  let newestSaved = saved?.newest

  yield* Effect.addFinalizer(() => Effect.forEach(list, ({ handle }) => closeQuietly(handle), { discard: true }))

  const lose = (from: Incarnation | ReadTo, reason: string, text?: string) => {
    const identity = "fingerprint" in from ? from : from.identity
    losses.push({
      _tag: "Loss",
      source: identity === undefined ? path : sourceOf(identity),
      position: from.offset,
      reason,
      ...(text === undefined ? {} : { text })
    })
  }

  const newestReadTo = () => newest === undefined ? newestSaved : readTo(newest)

  const identify = Effect.fnUntraced(function*(self: Incarnation) {
    const fingerprint = yield* readFingerprint(self)
    if (fingerprint === undefined) return false
    const before = newestReadTo()
    self.identity = { fingerprint, epoch: before?.fingerprint === fingerprint ? before.epoch + 1 : 0 }
    newest = self
    return true
  })

  const remove = (self: Incarnation) => {
    const index = list.indexOf(self)
    if (index !== -1) list.splice(index, 1)
    return closeQuietly(self.handle)
  }

  /** Closes one that is read to its end. A line without an end is no event: who knows what is missing of it? */
  const finish = Effect.fnUntraced(function*(self: Incarnation) {
    const rest = yield* remainder(self)
    if (self.overlong?.relevant === true || isRelevant(rest)) {
      lose(self, "the last line of a rotated log file has no end", rest.toString())
    }
    yield* remove(self)
  })

  /** The content is gone from the file. Rotation by copy and truncation leaves what was not read in the copy. */
  const replaced = Effect.fnUntraced(function*(self: Incarnation) {
    const known = readTo(self)
    const copy = known === undefined ? undefined : yield* findCopy(known)
    if (copy === undefined ? self.offset < self.size : copy.size < self.size) {
      lose(self, "a log file was truncated before it was read to its end")
    }
    const index = list.indexOf(self)
    yield* remove(self)
    if (copy === undefined) return
    list.splice(Math.max(0, index), 0, copy)
    if (newest === self) newest = copy
  })

  const findCopy = Effect.fnUntraced(function*(known: ReadTo) {
    const found = (yield* siblings()).filter(({ name, size }) => size >= known.offset && !isCompressed(name))
    const likely = found.toSorted((a, b) =>
      Number(b.inode === known.inode) - Number(a.inode === known.inode) || b.modified - a.modified
    )
    for (const sibling of likely) {
      const copy = yield* resume(sibling.path, known).pipe(Effect.orElseSucceed(() => undefined))
      if (copy !== undefined) return copy
    }
    return undefined
  })

  /** Files beside the log, and beside what the log's name is a link to, that rotation may have made of it. */
  const siblings = Effect.fnUntraced(function*() {
    const target = yield* attemptFile("resolve", path, () => realpath(path)).pipe(
      Effect.orElseSucceed(() => path)
    )
    const found: Array<Sibling & { readonly path: string }> = []
    for (const place of new Set([path, target])) {
      const names = yield* attemptFile("list", dirname(place), () => readdir(dirname(place))).pipe(
        Effect.orElseSucceed(() => [])
      )
      for (const name of names.filter((name) => isSibling(basename(place), name))) {
        const file = join(dirname(place), name)
        const status = yield* Effect.option(statusOf(file))
        if (status._tag === "Some") found.push({ name, path: file, ...status.value })
      }
    }
    return found
  })

  /** What was rotated away after the newest one that is known, and was never opened. */
  const missed = Effect.fnUntraced(function*(current: Incarnation) {
    const last = list.at(-1)
    if (last !== undefined) yield* refresh(last)
    const known = newestReadTo()
    const all = yield* siblings()
    const lastSibling = all.find(({ inode }) => inode === (last?.inode ?? known?.inode))
    const opened = new Set([current.inode, ...list.map(({ inode }) => inode)])
    const candidates = rotatedAfter(basename(path), all, last?.modified ?? known?.modified ?? since, lastSibling)
    const found: Array<Incarnation> = []
    for (const { inode, modified, name, path: place } of candidates) {
      if (opened.has(inode)) continue
      if (isCompressed(name)) {
        if (modified > (last?.modified ?? known?.modified ?? since)) {
          losses.push({
            _tag: "Loss",
            source: `${name} ${modified}`,
            position: 0,
            reason: "a rotated log file was compressed before it was read"
          })
        }
        continue
      }
      const same = known === undefined ? undefined : yield* resume(place, known)
      if (same !== undefined) yield* closeQuietly(same.handle)
      else found.push(yield* openIncarnation(place))
    }
    return found
  })

  const look: Effect.Effect<void, LogFileError> = Effect.suspend(() => lookOnce()).pipe(
    Effect.flatMap((again) => again ? look : Effect.void)
  )

  /** Whether to look again, because the content of a file was replaced. */
  const lookOnce = Effect.fnUntraced(function*() {
    const status = yield* statusOf(path)
    const known = list.find(({ inode }) => inode === status.inode)
    if (known === undefined) {
      const current = yield* openIncarnation(path)
      const between = yield* missed(current).pipe(
        Effect.orElseSucceed(() => []),
        Effect.onInterrupt(() => closeQuietly(current.handle))
      )
      list.push(...between, current)
      if (list.length > limit) {
        const [oldest] = list
        if (oldest !== undefined) {
          lose(oldest, "too many rotated log files wait to be read")
          yield* remove(oldest)
        }
      }
    } else if (known !== list.at(-1)) {
      list.splice(list.indexOf(known), 1)
      list.push(known)
    }
    const truncated: Array<Incarnation> = []
    for (const self of list) if ((yield* refresh(self)).size < self.offset) truncated.push(self)
    yield* Effect.forEach(truncated, replaced, { discard: true })
    return truncated.length > 0
  })

  for (const [index, entry] of (saved?.incarnations ?? []).entries()) {
    const isLast = index === (saved?.incarnations.length ?? 0) - 1
    const inPlace = yield* resume(path, entry).pipe(Effect.orElseSucceed(() => undefined))
    const found = inPlace ?? (yield* findCopy(entry))
    if (found !== undefined && !list.some(({ inode }) => inode === found.inode)) {
      list.push(found)
      if (sourceOf(entry) === (newestSaved && sourceOf(newestSaved))) newest = found
    } else {
      if (found !== undefined) yield* closeQuietly(found.handle)
      // Whether more was written to the last one after it was looked at, nobody can say.
      if (isLast || entry.offset < entry.size) lose(entry, "a rotated log file vanished before it was read to its end")
    }
  }

  const position = (): LogFilePosition => {
    const last = newestReadTo()
    return {
      incarnations: list.flatMap((self) => readTo(self) ?? []),
      ...(last === undefined ? {} : { newest: last }),
      since
    }
  }

  return { list, losses, look, identify, finish, replaced, position, lose }
})
