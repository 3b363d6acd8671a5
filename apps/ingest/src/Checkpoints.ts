/**
 * How far each log file was published, kept in small files that are whole at every instant.
 *
 * A checkpoint covers only what JetStream acknowledged. One that is there and cannot be used is lost, which is not the
 * same as none: the log was read before. It stays in its place until a new one is written, so that no kill hides the loss.
 */
import { ServerId } from "@leasehold/events"
import { Clock, Context, Effect, Layer, Metric, Option, Schema } from "effect"
import { hash } from "node:crypto"
import { link, lstat, mkdir, readFile, rm } from "node:fs/promises"
import { basename, join } from "node:path"
import { IngestConfig } from "./IngestConfig.ts"
import { LogEventsState } from "./LogEvents.ts"
import { LogFilePosition } from "./sources/LogFile/LogFilePosition.ts"
import { writeWhole } from "./wholeFile.ts"

export const Checkpoint = Schema.Struct({
  version: Schema.Literal(1),
  server: ServerId,
  path: Schema.String,
  position: LogFilePosition,
  events: LogEventsState
})
export type Checkpoint = typeof Checkpoint.Type

const CheckpointJson = Schema.fromJsonString(Schema.toCodecJson(Checkpoint))
const decode = Schema.decodeUnknownEffect(CheckpointJson)
const encode = Schema.encodeEffect(CheckpointJson)

export class CheckpointError extends Schema.TaggedError<CheckpointError>()("CheckpointError", {
  operation: Schema.String,
  path: Schema.String,
  cause: Schema.Defect()
}) {
  get isMissing(): boolean {
    return this.cause instanceof Error && "code" in this.cause && this.cause.code === "ENOENT"
  }
  override get message() {
    return `cannot ${this.operation} ${this.path}: ${String(this.cause)}`
  }
}

/** There is a checkpoint, but it does not say how far the log was read. */
export class CheckpointLost extends Schema.TaggedError<CheckpointLost>()("CheckpointLost", {
  /** Another for each loss, and the same for as long as nothing was written in its place. */
  incident: Schema.String
}) {}

const failures = Metric.counter("ingest_checkpoint_failures_total", {
  description: "Checkpoints that could not be written",
  incremental: true
})
const written = Metric.counter("ingest_checkpoints_total", {
  description: "Checkpoints written",
  incremental: true
})

export class Checkpoints extends Context.Service<Checkpoints, {
  /** None when there is none. */
  load(path: string): Effect.Effect<Option.Option<Pick<Checkpoint, "position" | "events">>, CheckpointLost>
  save(path: string, checkpoint: Pick<Checkpoint, "position" | "events">): Effect.Effect<void, CheckpointError>
}>()("ingest/Checkpoints") {
  static readonly layer = Layer.effect(
    Checkpoints,
    Effect.gen(function*() {
      const { server, stateDirectory } = yield* IngestConfig
      const attempt = <A>(operation: string, path: string, run: () => Promise<A>) =>
        Effect.tryPromise({ try: run, catch: (cause) => new CheckpointError({ operation, path, cause }) })
      const fileOf = (path: string) =>
        join(stateDirectory, `${basename(path)}-${hash("sha256", `${server}\n${path}`, "hex").slice(0, 12)}.json`)

      yield* attempt("make", stateDirectory, () => mkdir(stateDirectory, { recursive: true, mode: 0o750 })).pipe(
        Effect.catch((error) => Effect.logWarning("state directory cannot be made", { problem: error.message }))
      )

      const lose = Effect.fnUntraced(function*(file: string, cause: unknown) {
        yield* Effect.logWarning("checkpoint set aside: it cannot be read, is damaged, or belongs to another file", {
          checkpoint: file,
          cause: String(cause)
        })
        const aside = `${file}.aside`
        yield* Effect.ignore(attempt("set aside", file, () => rm(aside, { force: true }).then(() => link(file, aside))))
        const written = yield* attempt("look at", file, () => lstat(file)).pipe(
          Effect.map(({ mtimeMs }) => mtimeMs),
          Effect.catch(() => Clock.currentTimeMillis)
        )
        return yield* new CheckpointLost({ incident: `${basename(file)} ${written}` })
      })

      const load = Effect.fn("Checkpoints.load")(function*(path: string) {
        const file = fileOf(path)
        const text = yield* attempt("read", file, () => readFile(file, "utf8")).pipe(
          Effect.asSome,
          Effect.catch((error) => error.isMissing ? Effect.succeedNone : lose(file, error.message))
        )
        if (Option.isNone(text)) return Option.none()
        return yield* decode(text.value).pipe(
          Effect.filterOrFail((checkpoint) => checkpoint.server === server && checkpoint.path === path),
          Effect.asSome,
          Effect.catch((cause) => lose(file, cause))
        )
      })

      const save = Effect.fn("Checkpoints.save")(
        function*(path: string, checkpoint: Pick<Checkpoint, "position" | "events">) {
          const file = fileOf(path)
          const text = yield* Effect.orDie(encode({ version: 1, server, path, ...checkpoint }))
          yield* attempt("write", file, () => writeWhole(file, text))
          yield* Metric.update(written, 1)
        },
        Effect.tapError(() => Metric.update(failures, 1))
      )

      return Checkpoints.of({ load, save })
    })
  )
}
