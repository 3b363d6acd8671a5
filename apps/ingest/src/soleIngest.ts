/**
 * That no other ingest works in the same state directory: a lock of the kernel, released when this process ends, however
 * it ends. Who comes second does not start, and says who came first.
 *
 * Node offers no lock of a file but SQLite's, so the lock is a database, which stays empty.
 */
import { sanitizeText, timestampFromMillis } from "@leasehold/events"
import { Clock, Effect, Schema } from "effect"
import { mkdirSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { hostname } from "node:os"
import { join } from "node:path"
import { pid } from "node:process"
import { DatabaseSync } from "node:sqlite"
import { IngestConfig } from "./IngestConfig.ts"

export class StateDirectoryTaken extends Schema.TaggedError<StateDirectoryTaken>()("StateDirectoryTaken", {
  directory: Schema.String,
  holder: Schema.String
}) {
  override get message() {
    return `the state directory ${this.directory} belongs to another ingest, ${this.holder}`
  }
}

class LockError extends Schema.TaggedError<LockError>()("LockError", { cause: Schema.Defect() }) {
  /** Of SQLite's codes, the one that says that another has the lock. */
  get isHeld(): boolean {
    return this.cause instanceof Error && "errcode" in this.cause && this.cause.errcode === 5
  }
}

const longestHolder = 200

const lock = (directory: string) => {
  mkdirSync(directory, { recursive: true, mode: 0o750 })
  const database = new DatabaseSync(join(directory, "lock"), { timeout: 0 })
  try {
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE")
    return database
  } catch (cause) {
    database.close()
    throw cause
  }
}

const holderOf = (file: string) =>
  Effect.promise(() => readFile(file, "utf8").catch(() => "")).pipe(
    Effect.map((text) => sanitizeText(text.trim().slice(0, longestHolder)) || "which does not say who it is")
  )

/** Lasts as long as the scope. Where there can be no lock there can be no checkpoints, which stops no ingest either. */
export const soleIngest = Effect.gen(function*() {
  const { stateDirectory: directory } = yield* IngestConfig
  const holderFile = join(directory, "holder")
  const failure = yield* Effect.acquireRelease(
    Effect.try({ try: () => lock(directory), catch: (cause) => new LockError({ cause }) }),
    (database) => Effect.sync(() => database.close())
  ).pipe(Effect.match({ onFailure: (error) => error, onSuccess: () => undefined }))
  if (failure?.isHeld === true) {
    return yield* new StateDirectoryTaken({ directory, holder: yield* holderOf(holderFile) })
  }
  if (failure !== undefined) {
    return yield* Effect.logWarning("state directory cannot be locked: another ingest in it would not be noticed", {
      directory,
      problem: String(failure.cause)
    })
  }
  const since = timestampFromMillis(yield* Clock.currentTimeMillis)
  yield* Effect.promise(() =>
    writeFile(holderFile, `process ${pid} on ${hostname()} since ${since}\n`).catch(() => undefined)
  )
})
