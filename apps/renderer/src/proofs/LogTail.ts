/**
 * The lines that a log gains from now on, through rotation by renaming and by truncation.
 *
 * It is read when asked. What was written to the old file before a rotation is still read.
 */
import { Effect, FileSystem, Option, Scope } from "effect"

export interface LogTail {
  /** The whole lines since the last time; none while the file is away. */
  readonly next: Effect.Effect<ReadonlyArray<string>>
}

const chunkSize = 65_536
const newline = 0x0a

export const openLogTail = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const scope = yield* Effect.scope
  const open = Effect.map(fs.open(path), (file) => ({ file, offset: 0n, rest: Buffer.alloc(0) }))
  let log = yield* open
  log.offset = (yield* log.file.stat).size
  const inodeOf = (info: FileSystem.File.Info) => `${info.dev}:${Option.getOrElse(info.ino, () => 0n)}`

  const readToEnd = Effect.gen(function*() {
    const lines: Array<string> = []
    if ((yield* log.file.stat).size < log.offset) Object.assign(log, { offset: 0n, rest: Buffer.alloc(0) })
    for (;;) {
      const chunk = yield* log.file.readAlloc(chunkSize, { position: log.offset })
      if (Option.isNone(chunk)) return lines
      log.offset += BigInt(chunk.value.byteLength)
      const text = Buffer.concat([log.rest, chunk.value])
      const end = text.lastIndexOf(newline) + 1
      if (end > 0) lines.push(...text.toString("utf8", 0, end - 1).split("\n"))
      log.rest = text.subarray(Math.max(end, text.length - chunkSize))
    }
  })

  const tail: LogTail = {
    next: Effect.gen(function*() {
      const lines = yield* readToEnd
      const there = yield* Effect.option(fs.stat(path))
      if (Option.isNone(there) || inodeOf(there.value) === inodeOf(yield* log.file.stat)) return lines
      // Once more: it may have grown between the reading and the look.
      lines.push(...(yield* readToEnd))
      const opened = yield* Effect.option(Scope.provide(open, scope))
      if (Option.isNone(opened)) return lines
      log = opened.value
      return [...lines, ...(yield* readToEnd)]
    }).pipe(Effect.orElseSucceed(() => []))
  }
  return tail
})
