/**
 * Follows a log file through every kind of rotation and yields its whole lines, in order, with their positions.
 *
 * It reads only when asked, so that its consumer sets the pace; rotated files are held open meanwhile. Each incarnation
 * of the file is read to its end before the next one is begun: dnsmasq writes to a renamed file until it reopens its log,
 * so the end is known only when a later file has something in it. One that several programs write to is followed for a
 * while longer.
 */
import { Duration, Effect, Latch, Semaphore } from "effect"
import { realpath } from "node:fs/promises"
import { monotonicMillis } from "../monotonicMillis.ts"
import { makeDirectoryWatch } from "./LogFile/directoryWatch.ts"
import { type Incarnation, type LogFileError, moveToEnd, read } from "./LogFile/Incarnation.ts"
import { type Loss, makeIncarnations } from "./LogFile/Incarnations.ts"
import { type LogFilePosition, sourceOf, tailLimit } from "./LogFile/LogFilePosition.ts"

/** Whole lines of one incarnation, each with its newline. The bytes are overwritten when the next is asked for. */
export interface Lines {
  readonly _tag: "Lines"
  /** The incarnation, for ids. */
  readonly source: string
  readonly offset: number
  readonly bytes: Buffer
}

export interface LogFileOptions {
  readonly path: string
  /** Where to go on; without it, where to begin. */
  readonly position: LogFilePosition | undefined
  /** A position was known and is lost: this is told, then all there is of the log is read, whatever `start` says. */
  readonly loss?: Loss | undefined
  readonly start: "beginning" | "end"
  readonly chunkBytes: number
  /** How often to look when the kernel gives no notice. */
  readonly pollInterval: Duration.Duration
  /** How long a rotated file must have been quiet before it is closed. */
  readonly quietTime: Duration.Duration
}

export interface LogFile {
  /** Waits until there are lines, or a loss is known. */
  readonly next: Effect.Effect<Lines | Loss>
  /** Covers what `next` gave, when it is asked for before the next `next`. */
  readonly position: () => LogFilePosition
  /** How often the disk was looked at. */
  readonly looks: () => number
  /** What keeps the file from being read. */
  readonly problem: () => string | undefined
  /** Bytes written and not read yet, as far as they are known. */
  readonly lag: () => number
}

/** So many rotated files that are read to their end are kept open for what may still come. */
const mostOpen = 8

/** A look after a notice, at most this often: notices come with every line. */
const lookInterval = Duration.millis(20)

export const openLogFile = Effect.fnUntraced(function*(options: LogFileOptions) {
  const { path } = options
  const quietMillis = Duration.toMillis(options.quietTime)
  const buffer = Buffer.alloc(options.chunkBytes + tailLimit)
  const incarnations = yield* makeIncarnations(path, options.position, options.loss)
  const { list, losses } = incarnations
  const mutex = Semaphore.makeUnsafe(1)
  const toRead = Latch.makeUnsafe(false)
  const toLook = Latch.makeUnsafe(false)
  let problem: string | undefined
  let looks = 0

  const watch = yield* makeDirectoryWatch(() => {
    toRead.openUnsafe()
    toLook.openUnsafe()
  })

  const note = Effect.fnUntraced(function*(found: string | undefined) {
    if (found === problem) return
    problem = found
    yield* found === undefined ? Effect.logInfo("log file can be read") : Effect.logWarning(found)
  })

  const explain = (error: LogFileError) =>
    error.code === "ENOENT"
      // What is still written to a file that was moved away is read; nothing is wrong before a new one is there.
      ? note(list.length > 0 ? undefined : "log file is missing, waiting for it")
      : note(`log file cannot be read: ${error.message}`)

  const look = Effect.gen(function*() {
    const targets = yield* Effect.promise(() => realpath(path).catch(() => path))
    watch.follow(targets === path ? [path] : [path, targets])
    yield* incarnations.look().pipe(Effect.matchEffect({ onFailure: explain, onSuccess: () => note(undefined) }))
    looks++
  })

  /** One read of one incarnation; undefined at its end. */
  const readFrom = Effect.fnUntraced(function*(self: Incarnation) {
    // What comes before it may have been found with its identity.
    if (self.identity === undefined) return (yield* incarnations.identify(self)) ? "again" as const : undefined
    const found = yield* read(self, buffer)
    if (found._tag === "End") return undefined
    if (found._tag === "Lines" && self.identity !== undefined) {
      return { ...found, source: sourceOf(self.identity) } satisfies Lines
    }
    if (found._tag === "Overlong") {
      yield* Effect.logWarning("line too long to be read", { position: found.start, bytes: found.end - found.start })
      if (found.relevant) incarnations.lose({ ...self, offset: found.start }, "a line was too long to be read")
    }
    if (found._tag === "Replaced") {
      yield* incarnations.replaced(self)
      yield* incarnations.identifyAll()
    }
    return "again" as const
  })

  const pull = Effect.gen(function*() {
    for (let index = 0; index < list.length || losses.length > 0;) {
      const loss = losses.shift()
      if (loss !== undefined) return loss
      const self = list[index]
      if (self === undefined) return undefined
      // Seen before the end is: with one writer, nothing comes after it then.
      const isOver = list.slice(index + 1).some(({ size }) => size > 0)
      const found = yield* readFrom(self)
      if (found === "again") {
        index = 0
      } else if (found !== undefined) {
        return found
      } else if (!isOver) {
        return undefined
      } else if (
        list.length - index > mostOpen || (yield* monotonicMillis) - self.grewAt >= quietMillis
      ) {
        yield* incarnations.finish(self)
      } else {
        index++
      }
    }
    return undefined
  }).pipe(Effect.catch((error) => Effect.as(explain(error), undefined)))

  /** Found, and not taken yet: whoever waited for it may have been interrupted. */
  let found: Lines | Loss | undefined
  /** Behind what was found, and behind what was taken: the rest must be found again after a restart. */
  let foundTo: LogFilePosition | undefined
  let takenTo: LogFilePosition | undefined

  const next: LogFile["next"] = Effect.gen(function*() {
    for (;;) {
      toRead.closeUnsafe()
      // Never left half done: files are open, and the offset has moved.
      yield* mutex.withPermit(Effect.uninterruptible(Effect.suspend(() =>
        found === undefined
          ? Effect.map(pull, (pulled) => {
            found = pulled
            // Of this moment: in the middle of a look, files may be known whose predecessors are not.
            if (pulled !== undefined && losses.length === 0) foundTo = incarnations.position()
          })
          : Effect.void
      )))
      const taken = found
      found = undefined
      takenTo = foundTo
      if (taken !== undefined) return taken
      yield* toRead.await
    }
  })

  yield* Effect.uninterruptible(look)
  if (options.position === undefined && options.loss === undefined && options.start === "end") {
    yield* Effect.forEach(
      list,
      Effect.fnUntraced(function*(self) {
        // Never twice: that would give it another epoch.
        if (self.identity !== undefined || (yield* incarnations.identify(self))) yield* moveToEnd(self, buffer)
      })
    ).pipe(Effect.catch(explain))
  }
  const initial = options.position ?? incarnations.position()
  yield* Effect.gen(function*() {
    toLook.closeUnsafe()
    yield* mutex.withPermit(Effect.uninterruptible(look))
    toRead.openUnsafe()
    yield* Effect.sleep(lookInterval)
    yield* Effect.timeoutOption(toLook.await, options.pollInterval)
  }).pipe(Effect.forever, Effect.forkScoped)

  return {
    next,
    position: () => takenTo ?? initial,
    looks: () => looks,
    problem: () => problem,
    lag: () => list.reduce((sum, { offset, size }) => sum + Math.max(0, size - offset), 0)
  } satisfies LogFile
})
