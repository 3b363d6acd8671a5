/** Follows a log file as the daemon does and keeps what it gets, for tests that want to see it. */
import { eventuallyHolds } from "@leasehold/devstack/test"
import { Duration, Effect, Exit, Fiber, References, Scope } from "effect"
import { assert } from "vitest"
import type { Loss } from "../../src/sources/LogFile/Incarnations.ts"
import type { LogFilePosition } from "../../src/sources/LogFile/LogFilePosition.ts"
import { type LogFile, type LogFileOptions, openLogFile } from "../../src/sources/LogFile.ts"

export interface FoundLine {
  readonly source: string
  readonly offset: number
  readonly line: string
}

export class Follower {
  readonly found: Array<FoundLine> = []
  readonly losses: Array<Loss> = []
  /** All that were reached, the latest last. */
  private positions: Array<LogFilePosition> = []
  private scope: Scope.Closeable | undefined
  private file: LogFile | undefined
  private fiber: Fiber.Fiber<never> | undefined
  private readonly options: Partial<LogFileOptions> & Pick<LogFileOptions, "path">

  constructor(options: Partial<LogFileOptions> & Pick<LogFileOptions, "path">) {
    this.options = options
  }

  /** Opens the file where the last one left off, without reading yet. */
  readonly open = Effect.gen({ self: this }, function*() {
    this.scope = yield* Scope.make()
    this.file = yield* openLogFile({
      start: "beginning",
      chunkBytes: 16_384,
      pollInterval: Duration.millis(50),
      quietTime: Duration.seconds(60),
      ...this.options,
      position: this.positions.at(-1)
    }).pipe(Scope.provide(this.scope), silent)
    this.positions.push(this.file.position())
  })

  /** Reads from now on. */
  readonly read = Effect.gen({ self: this }, function*() {
    const { file } = this
    if (file === undefined) return yield* Effect.die("not open")
    this.fiber = yield* Effect.gen({ self: this }, function*() {
      const next = yield* file.next
      if (next._tag === "Loss") this.losses.push(next)
      else {
        let offset = next.offset
        for (const line of next.bytes.toString("latin1").split(/(?<=\n)/u)) {
          this.found.push({ source: next.source, offset, line: line.slice(0, -1) })
          offset += line.length
        }
      }
      this.positions.push(file.position())
    }).pipe(silent, Effect.forever, Effect.forkDetach)
  })

  readonly start = Effect.andThen(this.open, this.read)

  /** Stops reading; the file stays open. */
  readonly pause = Effect.suspend(() => this.fiber === undefined ? Effect.void : Fiber.interrupt(this.fiber))

  /** As a restart of the daemon: what was read so far is remembered, nothing else. */
  readonly close = Effect.andThen(
    this.pause,
    Effect.suspend(() => this.scope === undefined ? Effect.void : Scope.close(this.scope, Exit.void))
  )

  /** As a daemon that is killed and started again: so many of the positions that it reached were not written yet. */
  readonly kill = (unwritten: number) =>
    Effect.suspend(() => {
      const written = this.positions.slice(0, Math.max(1, this.positions.length - unwritten))
      return Effect.andThen(
        this.close,
        Effect.sync(() => {
          this.positions = written
        })
      )
    })

  /** Each line once, as a stream keeps it that drops what has an id that it knows. */
  distinct(): ReadonlyArray<FoundLine> {
    return [...new Map(this.found.map((one) => [`${one.source} ${one.offset} ${one.line}`, one])).values()]
  }

  lines(): ReadonlyArray<string> {
    return this.found.map(({ line }) => line)
  }

  reasons(): ReadonlyArray<string> {
    return this.losses.map(({ reason }) => reason)
  }

  problem(): string | undefined {
    return this.file?.problem()
  }

  /** Bytes that it knows of and has not read. */
  lag(): number {
    return this.file?.lag() ?? 0
  }

  /** Waits until the lines are exactly these, in this order. */
  readonly expectLines = (lines: ReadonlyArray<string>) =>
    Effect.andThen(
      eventually(`there are ${lines.length} lines`, () => this.lines(), ({ length }) => length >= lines.length),
      Effect.sync(() => assert.deepStrictEqual(this.lines(), lines))
    )

  /** Waits until the losses are exactly these, in this order. */
  readonly expectReasons = (reasons: ReadonlyArray<string>) =>
    Effect.andThen(
      eventually(`${reasons.length} losses are told`, () => this.reasons(), ({ length }) => length >= reasons.length),
      Effect.sync(() => assert.deepStrictEqual(this.reasons(), reasons))
    )

  /** Waits until nothing keeps the file from being read. */
  readonly expectNoProblem = eventually(
    "the file can be read",
    () => this.problem(),
    (problem) => problem === undefined
  )

  /** Waits until the disk was looked at from now on: the first look that ends may have begun before. */
  readonly looked = Effect.suspend(() => {
    const enough = this.looks() + 2
    return eventually(`the look ${enough} is over`, () => this.looks(), (looks) => looks >= enough)
  })

  private looks(): number {
    return this.file?.looks() ?? 0
  }
}

const silent = Effect.provideService(References.MinimumLogLevel, "None")

/** Waits until what is seen is as it should be; fails with what was seen last. */
export const eventually = <A>(what: string, look: () => A, holds: (seen: A) => boolean) =>
  Effect.promise(() => eventuallyHolds(what, look, holds))
