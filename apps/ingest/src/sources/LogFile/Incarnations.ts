/**
 * The unfinished incarnations of one log file, oldest first, and how they come and go.
 *
 * A new one is what the log's name leads to now; those that were rotated away between two looks are found beside it.
 * What cannot be read any more is a loss, which is told and never passed over in silence.
 */
import { Clock, Duration, Effect } from "effect"
import { basename } from "node:path"
import { monotonicMillis } from "../../monotonicMillis.ts"
import {
  begin,
  closeQuietly,
  type Incarnation,
  isRelevant,
  measure,
  openIncarnation,
  readHead,
  readTo,
  refresh,
  remainder,
  statusOf
} from "./Incarnation.ts"
import { fingerprintOf, type LogFilePosition, type ReadTo, sourceOf } from "./LogFilePosition.ts"
import { openMissed } from "./openMissed.ts"
import { findAgain, findCopy, findListed, logFiles, untilSteady } from "./rotatedFiles.ts"
import { inOrder, isCompressed, rotatedBetween } from "./siblings.ts"

/** Lines that were written and cannot be read. */
export interface Loss {
  readonly _tag: "Loss"
  readonly source: string
  readonly position: number
  readonly reason: string
  /** What is left of them. */
  readonly text?: string
}

/** File times may be as much behind the clock, in milliseconds: the kernel takes them from its timer. */
const tick = 20

/** A log without times often begins with the same line; so many fingerprints are remembered to tell its files apart. */
const memory = 16

/** Files that were rotated longer ago are looked at this often, in milliseconds: there may be many, and little happens. */
const slowly = 500

/**
 * When nothing is known of a log that was read before, rotated files that are older than this, in milliseconds, are not
 * read: a line without a year is told from one of another year by being less than a year old.
 */
const halfAYear = Duration.toMillis(Duration.days(182))

/** More rotated files than this are not held open; ingest is then behind by as many rotations. */
const limit = 500

/** With a loss instead of a position, all that lies beside the log belongs to it. */
export const makeIncarnations = Effect.fnUntraced(function*(
  path: string,
  saved: LogFilePosition | undefined,
  loss?: Loss
) {
  const list: Array<Incarnation> = []
  const losses: Array<Loss> = loss === undefined ? [] : [loss]
  const began = (yield* Clock.currentTimeMillis) - tick
  let since = saved?.since ?? (loss === undefined ? began : began - halfAYear)
  const known = new Map(saved?.known.map(({ epoch, fingerprint }) => [fingerprint, epoch]))
  /** The newest with an identity, open or not. */
  let newest: Incarnation | undefined
  let thorough = -Infinity
  /** Rotated files that were told of as a loss. */
  const unreadable = new Set<string>()
  /** What lies beside the log at the very first look was there before us. */
  let isFirstLook = saved === undefined && loss === undefined

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

  const newestReadTo = () => newest === undefined ? saved?.newest : readTo(newest)

  const name = (self: Incarnation, fingerprint: string, head: Buffer) => {
    const epoch = (known.get(fingerprint) ?? -1) + 1
    self.head = head
    self.identity = { fingerprint, epoch }
    known.delete(fingerprint)
    known.set(fingerprint, epoch)
    for (const oldest of known.keys()) {
      if (known.size <= memory) break
      known.delete(oldest)
    }
    if (newest === undefined || list.indexOf(self) > list.indexOf(newest)) newest = self
  }

  /** Gives it its identity, once its first line is there; others may turn out to come before it then. */
  const identify = Effect.fnUntraced(function*(self: Incarnation) {
    for (;;) {
      const head = yield* readHead(self)
      const fingerprint = fingerprintOf(head)
      if (fingerprint === undefined) return false
      yield* addMissed(self)
      yield* measure(self)
      // Truncated meanwhile: what it held before is in a copy, which may have come too late to be found.
      if (!(yield* readHead(self)).subarray(0, head.length).equals(head)) continue
      name(self, fingerprint, head)
      return true
    }
  })

  /** The oldest first, so that nothing unknown is left before one that has an identity. */
  const identifyAll = Effect.fnUntraced(function*() {
    for (const self of list.filter(({ identity }) => identity === undefined)) yield* identify(self)
  })

  /** The content is gone from the file. Rotation by copy and truncation leaves what was not read in the copy. */
  const replaced = Effect.fnUntraced(function*(self: Incarnation) {
    const reached = readTo(self)
    const opened = new Set(list.map(({ inode }) => inode))
    const copy = reached === undefined ? undefined : yield* findCopy(path, reached, opened)
    // Without an identity not even one whole line of it was seen.
    if (reached !== undefined && (copy === undefined ? self.offset : copy.size) < self.size) {
      lose(self, "a log file was truncated before it was read to its end")
    }
    const now = yield* begin(self.path, self.handle)
    list.splice(list.indexOf(self), 1, ...(copy === undefined ? [] : [copy]), now)
    if (copy !== undefined && newest === self) newest = copy
  })

  /** Where unknown files may come before this one, or before now: after the last one that has an identity. */
  const gapBefore = (self: Incarnation | undefined) => {
    const index = self === undefined || !list.includes(self) ? list.length : list.indexOf(self)
    const start = list.findLastIndex(({ identity }, n) => n < index && identity !== undefined) + 1
    return { start, previous: list[start - 1], waiting: list.slice(start, index) }
  }

  /** Adds what was rotated away before this one, or before now, and was never opened. */
  const addMissed = (self: Incarnation | undefined) =>
    isFirstLook ? Effect.void : untilSteady(path, addMissedOnce(self))

  const addMissedOnce = Effect.fnUntraced(function*(self: Incarnation | undefined) {
    // Its copy comes before those that are looked for, and what it holds now is one of them.
    for (let { previous } = gapBefore(self); previous !== undefined; { previous } = gapBefore(self)) {
      if (yield* refresh(previous)) break
      yield* replaced(previous)
    }
    const { previous, start, waiting } = gapBefore(self)
    const before = newestReadTo()
    const from = previous?.modified ?? before?.modified ?? since
    const files = (yield* logFiles(path)).rotated
    const last = previous === undefined
      ? yield* findListed(files, before)
      : files.find(({ inode }) => inode === previous.inode)
    const next = files.find(({ inode }) => inode === self?.inode)
    const opened = new Set([...list, ...(self === undefined ? [] : [self])].map(({ inode }) => inode))
    const { found, lost } = yield* openMissed(
      rotatedBetween(basename(path), files, from, last, next).filter(({ inode, modified, name }) =>
        // What was compressed before this began is part of the loss that is told of.
        !opened.has(inode) && !(loss !== undefined && isCompressed(name) && modified <= began)
      ),
      before,
      self === undefined || list.includes(self) ? list.at(-1) : self
    )
    for (const [file, reason] of lost) {
      if (unreadable.has(file.inode)) continue
      losses.push({ _tag: "Loss", source: `${file.name} ${file.modified}`, position: 0, reason })
      unreadable.add(file.inode)
    }
    if (found.length === 0) return
    const listed = new Map([...found, ...waiting].map((one) => [one.inode, one]))
    const ordered = inOrder(basename(path), files).flatMap(({ inode }) => listed.get(inode) ?? [])
    list.splice(start, waiting.length, ...ordered, ...waiting.filter((one) => !ordered.includes(one)))
    for (const one of ordered) {
      yield* measure(one)
      const head = yield* readHead(one)
      const fingerprint = fingerprintOf(head)
      if (fingerprint !== undefined) name(one, fingerprint, head)
    }
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

  const open = Effect.fnUntraced(function*() {
    const self = yield* openIncarnation(path)
    yield* addMissed(self).pipe(Effect.onError(() => closeQuietly(self.handle)))
    list.push(self)
    const [oldest] = list
    if (list.length <= limit || oldest === undefined) return
    lose(oldest, "too many rotated log files wait to be read")
    yield* remove(oldest)
  })

  const look = Effect.fnUntraced(
    function*() {
      // Renamed and not made anew yet: what was renamed may be news all the same.
      const status = yield* statusOf(path).pipe(Effect.tapError(() => addMissed(undefined)))
      const opened = list.find(({ inode }) => inode === status.inode)
      if (opened === undefined) yield* open()
      else if (opened !== list.at(-1)) list.push(...list.splice(list.indexOf(opened), 1))
      const now = yield* monotonicMillis
      const isThorough = now - thorough >= slowly
      if (isThorough) thorough = now
      for (const self of isThorough ? list.slice() : list.slice(-2)) if (!(yield* refresh(self))) yield* replaced(self)
      // Early, so that it can be found again when it is gone before it was read.
      yield* identifyAll()
      // What was there before us is found by now.
      if (loss !== undefined) since = began
    },
    Effect.ensuring(Effect.sync(() => {
      isFirstLook = false
    }))
  )

  const entries = saved?.incarnations ?? []
  // Where the directory cannot be listed nothing is found, which is told.
  const again = yield* Effect.uninterruptible(findAgain(path, entries)).pipe(
    Effect.orElseSucceed(() => new Map<ReadTo, Incarnation>())
  )
  for (const entry of entries) {
    const self = again.get(entry)
    if (self !== undefined) {
      list.push(self)
      if (self.size < entry.size) lose(entry, "a log file was truncated before it was read to its end")
      if (saved?.newest !== undefined && sourceOf(entry) === sourceOf(saved.newest)) newest = self
    } else if (entry === entries.at(-1) || entry.offset < entry.size) {
      // Whether more was written to the last one after it was looked at, nobody can say.
      lose(entry, "a rotated log file vanished before it was read to its end")
    }
  }

  const position = (): LogFilePosition => {
    const last = newestReadTo()
    return {
      incarnations: list.flatMap((self) => readTo(self) ?? []),
      ...(last === undefined ? {} : { newest: last }),
      known: [...known].map(([fingerprint, epoch]) => ({ fingerprint, epoch })),
      since
    }
  }

  return { list, losses, look, identify, identifyAll, finish, replaced, position, lose }
})
