/**
 * The unfinished incarnations of one log file, oldest first, and how they come and go.
 *
 * A new one is what the log's name leads to now; those that were rotated away between two looks are found beside it.
 * What cannot be read any more is a loss, which is told and never passed over in silence.
 */
import { Clock, Effect } from "effect"
import { basename } from "node:path"
import {
  begin,
  closeQuietly,
  type Incarnation,
  isRelevant,
  openIncarnation,
  readHead,
  readTo,
  refresh,
  remainder,
  resume,
  statusOf
} from "./Incarnation.ts"
import { fingerprintOf, type LogFilePosition, type ReadTo, sourceOf } from "./LogFilePosition.ts"
import { findAgain, findCopy, type RotatedFile, rotatedFiles } from "./rotatedFiles.ts"
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

/** More rotated files than this are not held open; ingest is then behind by as many rotations. */
const limit = 500

export const makeIncarnations = Effect.fnUntraced(function*(path: string, saved: LogFilePosition | undefined) {
  const list: Array<Incarnation> = []
  const losses: Array<Loss> = []
  const since = saved?.since ?? (yield* Clock.currentTimeMillis) - tick
  const known = new Map(saved?.known.map(({ epoch, fingerprint }) => [fingerprint, epoch]))
  /** The newest with an identity, open or not. */
  let newest: Incarnation | undefined
  let thorough = 0
  /** Compressed files that were told of as a loss. */
  const compressed = new Set<string>()
  /** What lies beside the log at the very first look was there before us. */
  let isFirstLook = saved === undefined

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
    newest = self
  }

  /** Gives it its identity, once its first line is there; others may turn out to come before it then. */
  const identify = Effect.fnUntraced(function*(self: Incarnation) {
    const head = yield* readHead(self)
    const fingerprint = fingerprintOf(head)
    if (fingerprint === undefined) return false
    yield* addMissed(self)
    name(self, fingerprint, head)
    return true
  })

  /** Adds what was rotated away before this one, or before now, and was never opened. */
  const addMissed = Effect.fnUntraced(function*(self: Incarnation | undefined) {
    if (isFirstLook) return
    const before = newestReadTo()
    const index = self === undefined || !list.includes(self) ? list.length : list.indexOf(self)
    // Nothing is known of those without an identity: others may come before them too.
    const start = list.findLastIndex(({ identity }, n) => n < index && identity !== undefined) + 1
    const waiting = list.slice(start, index)
    const previous = list[start - 1]
    if (previous !== undefined) yield* refresh(previous)
    const from = previous?.modified ?? before?.modified ?? since
    const files = yield* rotatedFiles(path)
    const last = files.find(({ inode }) => inode === (previous?.inode ?? before?.inode))
    const next = files.find(({ inode }) => inode === self?.inode)
    const opened = new Map([...list, ...(self === undefined ? [] : [self])].map((one) => [one.inode, one]))
    const found: Array<RotatedFile> = []
    for (const file of rotatedBetween(basename(path), files, from, last, next)) {
      if (opened.has(file.inode)) continue
      if (!isCompressed(file.name)) {
        // A copy of what was read already; of a file that nothing was read of, nobody can say.
        const copy = before === undefined || before.offset === 0 ? undefined : yield* resume(file.path, before)
        if (copy !== undefined) yield* closeQuietly(copy.handle)
        else {
          opened.set(file.inode, yield* openIncarnation(file.path))
          found.push(file)
        }
      } else if (file.modified > from && !compressed.has(file.inode)) {
        const reason = "a rotated log file was compressed before it was read"
        losses.push({ _tag: "Loss", source: `${file.name} ${file.modified}`, position: 0, reason })
        compressed.add(file.inode)
      }
    }
    if (found.length === 0) return
    const rotated = files.filter(({ inode }) => waiting.some((one) => one.inode === inode))
    const ordered = inOrder(basename(path), [...found, ...rotated]).flatMap(({ inode }) => opened.get(inode) ?? [])
    list.splice(start, waiting.length, ...ordered, ...waiting.filter((one) => !ordered.includes(one)))
    for (const { inode } of found) {
      const one = opened.get(inode)
      const head = one === undefined ? undefined : yield* readHead(one)
      const fingerprint = head === undefined ? undefined : fingerprintOf(head)
      if (one !== undefined && head !== undefined && fingerprint !== undefined) name(one, fingerprint, head)
    }
  }, (effect) => Effect.ignore(effect))

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

  const open = Effect.fnUntraced(function*() {
    const self = yield* openIncarnation(path)
    yield* addMissed(self).pipe(Effect.onInterrupt(() => closeQuietly(self.handle)))
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
      const now = yield* Clock.currentTimeMillis
      const isThorough = now - thorough >= slowly
      if (isThorough) thorough = now
      for (const self of isThorough ? list.slice() : list.slice(-2)) if (!(yield* refresh(self))) yield* replaced(self)
      // Early, so that it can be found again when it is gone before it was read.
      for (const self of list.filter(({ identity }) => identity === undefined)) yield* identify(self)
    },
    Effect.ensuring(Effect.sync(() => {
      isFirstLook = false
    }))
  )

  const entries = saved?.incarnations ?? []
  const again = yield* Effect.uninterruptible(findAgain(path, entries))
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

  return { list, losses, look, identify, finish, replaced, position, lose }
})
