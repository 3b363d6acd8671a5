/** The daemon: the log files of the configuration on their way to the bus, for ever, and a report of it. */
import { loggingLayer } from "@leasehold/runtime/Logging"
import { Nats } from "@leasehold/runtime/Nats"
import { opsLayer } from "@leasehold/runtime/Ops"
import { reportEnd } from "@leasehold/runtime/reportEnd"
import { Effect, Layer } from "effect"
import { Bus } from "./Bus.ts"
import { Checkpoints } from "./Checkpoints.ts"
import { Configuration } from "./Configuration.ts"
import { followFiles } from "./FollowedFiles.ts"
import { IngestStatus } from "./IngestStatus.ts"
import { Publisher } from "./Publisher.ts"
import { reporterLayer } from "./Reporter.ts"
import { soleIngest } from "./soleIngest.ts"

const ops = Layer.unwrap(Effect.map(IngestStatus, ({ health }) => opsLayer("INGEST", health)))

const files = Effect.gen(function*() {
  const { connected } = yield* Bus
  // When there can never be a connection, because its settings are wrong, there is nothing to wait for.
  const lost = Effect.flatMap(connected, ({ closed }) => closed)
  yield* Effect.all([Effect.scoped(followFiles), lost], { concurrency: "unbounded", discard: true })
})

const work = files.pipe(
  Effect.provide(
    Layer.mergeAll(Checkpoints.layer, ops, reporterLayer).pipe(
      Layer.provideMerge(Layer.mergeAll(Configuration.layer, Publisher.layer)),
      Layer.provideMerge(Bus.layer(Nats.layer("ingest"))),
      Layer.provideMerge(IngestStatus.layer)
    )
  )
)

export const daemon = Effect.scoped(Effect.andThen(soleIngest, work)).pipe(
  reportEnd("ingest"),
  Effect.provide(loggingLayer())
)
