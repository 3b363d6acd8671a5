/**
 * How far each log file was published, kept in small files that are whole at every instant.
 *
 * A checkpoint covers only what JetStream acknowledged. Losing one loses nothing: the file is read again from its
 * beginning, its events have the ids they had, and the stream drops what it holds already.
 */
import { ServerId } from "@leasehold/events"
import { Context, Effect, Layer, Metric, Option, Schema } from "effect"
import { hash } from "node:crypto"
import { mkdir, readFile, rename } from "node:fs/promises"
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

const failures = Metric.counter("ingest_checkpoint_failures_total", {
  description: "Checkpoints that could not be written",
  incremental: true
})
const written = Metric.counter("ingest_checkpoints_total", {
  description: "Checkpoints written",
  incremental: true
})

export class Checkpoints extends Context.Service<Checkpoints, {
  /** None when there is none; one that is damaged or another's is set aside. */
  load(path: string): Effect.Effect<Option.Option<Pick<Checkpoint, "position" | "events">>>
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

      const load = Effect.fn("Checkpoints.load")(function*(path: string) {
        const file = fileOf(path)
        const text = yield* attempt("read", file, () => readFile(file, "utf8")).pipe(
          Effect.tapError((error) =>
            error.isMissing ? Effect.void : Effect.logWarning("checkpoint cannot be read", { problem: error.message })
          ),
          Effect.option
        )
        if (Option.isNone(text)) return Option.none()
        return yield* decode(text.value).pipe(
          Effect.filterOrFail((checkpoint) => checkpoint.server === server && checkpoint.path === path),
          Effect.asSome,
          Effect.catch((cause) =>
            Effect.logWarning("checkpoint set aside: it is damaged or belongs to another file", {
              checkpoint: file,
              cause: String(cause)
            }).pipe(
              Effect.andThen(Effect.ignore(attempt("set aside", file, () => rename(file, `${file}.aside`)))),
              Effect.as(Option.none())
            )
          )
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
