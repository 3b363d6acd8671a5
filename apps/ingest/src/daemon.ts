/**
 * The daemon: every log file of the configuration, each on its own, for ever.
 *
 * One that fails is begun again from its checkpoint and does not touch the others.
 */
import { loggingLayer } from "@leasehold/runtime/Logging"
import { Nats } from "@leasehold/runtime/Nats"
import { opsLayer } from "@leasehold/runtime/Ops"
import { reportEnd } from "@leasehold/runtime/reportEnd"
import { Effect, Layer } from "effect"
import { Checkpoints } from "./Checkpoints.ts"
import { IngestConfig } from "./IngestConfig.ts"
import { IngestStatus } from "./IngestStatus.ts"
import { ingestLogFile } from "./ingestLogFile.ts"
import { Publisher } from "./Publisher.ts"

const files = Effect.gen(function*() {
  const { logFiles } = yield* IngestConfig
  const publisher = yield* Publisher
  const each = Effect.forEach(
    logFiles,
    (path) =>
      ingestLogFile(path).pipe(
        Effect.catchCause((cause) => Effect.logError("log file failed, beginning again", cause)),
        Effect.andThen(Effect.sleep("1 second")),
        Effect.forever,
        Effect.annotateLogs({ file: path })
      ),
    { concurrency: "unbounded", discard: true }
  )
  // When there can never be a connection, because its settings are wrong, there is nothing to wait for.
  yield* Effect.all([each, publisher.connected], { concurrency: "unbounded", discard: true })
})

const ops = Layer.unwrap(Effect.map(IngestStatus, ({ health }) => opsLayer("INGEST", health)))

export const daemon = files.pipe(
  Effect.provide(
    Layer.mergeAll(Publisher.layer(Nats.layer("ingest")), Checkpoints.layer, ops).pipe(
      Layer.provideMerge(IngestStatus.layer)
    )
  ),
  reportEnd("ingest"),
  Effect.provide(loggingLayer())
)
