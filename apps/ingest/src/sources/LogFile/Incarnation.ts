/**
 * One life of a log file, open for reading: it yields whole lines in order and notices when its content was replaced.
 *
 * Every read begins with bytes that were read before, so that what follows them surely belongs to the same incarnation:
 * a file that was truncated and written anew is told from one that grew, whatever its size is. Nothing is kept between
 * reads but those bytes; an unfinished line is read again, and a line longer than a chunk is thrown away in pieces.
 */
import { Effect, Schema } from "effect"
import { constants } from "node:fs"
import { type FileHandle, open, stat } from "node:fs/promises"
import { monotonicMillis } from "../../monotonicMillis.ts"
import { digest, headLimit, type Identity, type Overlong, type ReadTo, tailLimit } from "./LogFilePosition.ts"

export class LogFileError extends Schema.TaggedError<LogFileError>()("LogFileError", {
  operation: Schema.String,
  path: Schema.String,
  cause: Schema.Defect()
}) {
  /** Error code of the system, where it gave one. */
  get code(): string | undefined {
    return this.cause instanceof Error && "code" in this.cause ? String(this.cause.code) : undefined
  }
  override get message() {
    return `cannot ${this.operation} ${this.path}: ${this.code ?? String(this.cause)}`
  }
}

export const attemptFile = <A>(operation: string, path: string, run: () => Promise<A>) =>
  Effect.tryPromise({ try: run, catch: (cause) => new LogFileError({ operation, path, cause }) })

export interface FileStatus {
  readonly inode: string
  readonly size: number
  readonly modified: number
  /** When it was last written, renamed, or given other rights. */
  readonly changed: number
  /** When it was made; zero where the file system does not say. */
  readonly born: number
}

export const statusOf = Effect.fnUntraced(function*(path: string, handle?: FileHandle) {
  const status = yield* attemptFile(
    "look at",
    path,
    () => (handle?.stat({ bigint: true }) ?? stat(path, { bigint: true }))
  )
  if (!status.isFile()) {
    return yield* new LogFileError({ operation: "read", path, cause: new Error("not a regular file") })
  }
  return {
    inode: `${status.dev}:${status.ino}`,
    size: Number(status.size),
    modified: Number(status.mtimeNs) / 1e6,
    changed: Number(status.ctimeNs) / 1e6,
    born: Number(status.birthtimeNs) / 1e6
  } satisfies FileStatus
})

/** Owned by one `LogFile`, which alone changes it. */
export interface Incarnation {
  readonly handle: FileHandle
  readonly path: string
  readonly inode: string
  readonly born: number
  /** Undefined until its first line is complete. */
  identity: Identity | undefined
  /** The first bytes as they were when it got its identity, `headLimit` at most. */
  head: Buffer
  offset: number
  /** The bytes just before the offset, `tailLimit` at most. */
  tail: Buffer
  /** Largest size seen. */
  size: number
  modified: number
  /** When it was last seen to grow, on the monotonic clock. */
  grewAt: number
  overlong: Overlong | undefined
}

const empty = Buffer.alloc(0)

/** Not blocking: a named pipe in the place of the log must not hang the reader. */
export const openIncarnation = Effect.fnUntraced(function*(path: string) {
  const handle = yield* attemptFile("open", path, () => open(path, constants.O_RDONLY | constants.O_NONBLOCK))
  return yield* begin(path, handle).pipe(Effect.onError(() => closeQuietly(handle)))
})

/** What the open file holds now, from its beginning. */
export const begin = Effect.fnUntraced(function*(path: string, handle: FileHandle) {
  const status = yield* statusOf(path, handle)
  const incarnation: Incarnation = {
    handle,
    path,
    ...status,
    identity: undefined,
    head: empty,
    offset: 0,
    tail: empty,
    grewAt: yield* monotonicMillis,
    overlong: undefined
  }
  return incarnation
})

export const closeQuietly = (handle: FileHandle) => Effect.promise(() => handle.close().catch(() => undefined))

export const readAt = (self: Incarnation, buffer: Buffer, length: number, position: number) =>
  Effect.map(
    attemptFile("read", self.path, () => self.handle.read(buffer, 0, length, position)),
    ({ bytesRead }) => buffer.subarray(0, bytesRead)
  )

export const readHead = (self: Incarnation) => readAt(self, Buffer.alloc(headLimit), headLimit, 0)

/** Of a file without an identity nothing is known: it may have been truncated since it was opened. */
export const measure = Effect.fnUntraced(function*(self: Incarnation) {
  const { modified, size } = yield* statusOf(self.path, self.handle)
  self.size = size
  self.modified = modified
})

/** Looks how far the file has grown. Says whether it still holds what is known of it: a replaced file may be larger too. */
export const refresh = Effect.fnUntraced(function*(self: Incarnation) {
  const status = yield* statusOf(self.path, self.handle)
  if (status.size < self.size) return false
  if (status.size > self.size || status.modified !== self.modified) {
    const [known, from] = self.offset === 0 ? [self.head, 0] : [self.tail, self.offset - self.tail.length]
    const bytes = yield* readAt(self, Buffer.alloc(known.length), known.length, from)
    if (!bytes.equals(known)) return false
    if (status.size > self.size) self.grewAt = yield* monotonicMillis
    self.size = status.size
  }
  self.modified = status.modified
  return true
})

/** Goes on where reading ended, in a file that holds what was read so far; says whether it does. */
export const resume = Effect.fnUntraced(function*(self: Incarnation, saved: ReadTo) {
  const length = Math.min(tailLimit, saved.offset)
  const [head, tail] = yield* Effect.all([
    Effect.map(readHead(self), (head) => head.subarray(0, saved.headLength)),
    readAt(self, Buffer.alloc(length), length, saved.offset - length)
  ])
  if (self.size < saved.offset || digest(head) !== saved.head || digest(tail) !== saved.tail) return false
  self.identity = { fingerprint: saved.fingerprint, epoch: saved.epoch }
  self.head = head
  self.offset = saved.offset
  self.tail = tail
  self.overlong = saved.overlong
  return true
})

export const readTo = (self: Incarnation): ReadTo | undefined =>
  self.identity === undefined ? undefined : {
    ...self.identity,
    inode: self.inode,
    offset: self.offset,
    head: digest(self.head),
    headLength: self.head.length,
    tail: digest(self.tail),
    size: Math.max(self.size, self.offset),
    modified: self.modified,
    ...(self.overlong === undefined ? {} : { overlong: self.overlong })
  }

export type Read =
  /** Whole lines, each with its newline. The bytes are overwritten by the next read. */
  | { readonly _tag: "Lines"; readonly offset: number; readonly bytes: Buffer }
  /** A line too long to be read ended before `end`. */
  | { readonly _tag: "Overlong"; readonly start: number; readonly end: number; readonly relevant: boolean }
  /** Nothing new, or a line that is not finished. */
  | { readonly _tag: "End" }
  /** The file does not hold any more what was read from it. */
  | { readonly _tag: "Replaced" }

const newline = 10
const tag = Buffer.from("dnsmasq-dhcp")

/** The next lines, as many as the buffer holds beside the `tailLimit` bytes that were read before. */
export const read = Effect.fnUntraced(function*(self: Incarnation, buffer: Buffer) {
  for (;;) {
    const known = self.tail.length
    const bytes = yield* readAt(self, buffer, buffer.length - tailLimit + known, self.offset - known)
    if (bytes.length < known || bytes.compare(self.tail, 0, known, 0, known) !== 0) return { _tag: "Replaced" } as const
    // Before anything was read of it, its beginning is all that is known.
    const seen = self.offset === 0 ? Math.min(self.head.length, buffer.length - tailLimit) : 0
    if (bytes.length < seen || bytes.compare(self.head, 0, seen, 0, seen) !== 0) return { _tag: "Replaced" } as const
    const fresh = bytes.subarray(known)
    if (self.offset + fresh.length > self.size) {
      self.size = self.offset + fresh.length
      self.grewAt = yield* monotonicMillis
    }
    const advanced = advance(self, bytes, fresh, buffer.length - tailLimit)
    if (advanced !== undefined) return advanced
  }
})

/** Moves over whole lines, or over what must be thrown away; undefined when there is more to read for that. */
const advance = (self: Incarnation, bytes: Buffer, fresh: Buffer, chunk: number): Read | undefined => {
  const offset = self.offset
  if (self.overlong !== undefined) {
    if (fresh.length === 0) return { _tag: "End" }
    const { start } = self.overlong
    const end = fresh.indexOf(newline)
    const relevant = self.overlong.relevant || holdsTag(bytes, bytes.length - fresh.length, end)
    moveBy(self, bytes, end === -1 ? fresh.length : end + 1, fresh.length)
    self.overlong = end === -1 ? { start, relevant } : undefined
    return end === -1 ? undefined : { _tag: "Overlong", start, end: self.offset, relevant }
  }
  const end = fresh.lastIndexOf(newline)
  if (end !== -1) {
    moveBy(self, bytes, end + 1, fresh.length)
    return { _tag: "Lines", offset, bytes: fresh.subarray(0, end + 1) }
  }
  if (fresh.length < chunk) return { _tag: "End" }
  // A hole, as a file system leaves it after a crash, is no part of the line that follows it.
  const hole = fresh.findIndex((byte) => byte !== 0)
  moveBy(self, bytes, hole === -1 ? fresh.length : hole === 0 ? fresh.length : hole, fresh.length)
  if (hole === 0) self.overlong = { start: offset, relevant: holdsTag(bytes, bytes.length - fresh.length, -1) }
  return undefined
}

/** Looks a little into what was read before, where the tag may begin. */
const holdsTag = (bytes: Buffer, from: number, end: number): boolean => {
  const found = bytes.indexOf(tag, Math.max(0, from - tag.length + 1))
  return found !== -1 && (end === -1 || found < from + end)
}

const moveBy = (self: Incarnation, bytes: Buffer, length: number, fresh: number): void => {
  const end = bytes.length - fresh + length
  self.offset += length
  self.tail = Buffer.from(bytes.subarray(Math.max(0, end - tailLimit), end))
}

/** The unfinished last line; its first 8,192 bytes are enough to say what it was. */
export const remainder = Effect.fnUntraced(function*(self: Incarnation) {
  const bytes = yield* readAt(self, Buffer.alloc(8192), 8192, self.offset)
  return bytes.indexOf(newline) === -1 ? bytes : bytes.subarray(0, 0)
})

export const isRelevant = (bytes: Buffer): boolean => bytes.includes(tag)

/** Passes over what the file holds by now, up to the end of its last whole line. */
export const moveToEnd = Effect.fnUntraced(function*(self: Incarnation, buffer: Buffer) {
  const from = Math.max(0, self.size - buffer.length)
  const bytes = yield* readAt(self, buffer, buffer.length, from)
  const end = bytes.lastIndexOf(newline) + 1
  self.offset = from + (end === 0 ? bytes.length : end)
  self.tail = Buffer.from(bytes.subarray(0, self.offset - from).subarray(-tailLimit))
  if (end === 0 && bytes.length > 0) self.overlong = { start: self.offset, relevant: false }
})
