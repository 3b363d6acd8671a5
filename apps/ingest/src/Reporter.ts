/**
 * Tells what the ingest does: every ten seconds, soon after a change and at the end into the bucket `ingest-status`, and to
 * whoever asks on `ingest.v1.status.<server>`.
 *
 * It never holds up the work: a report that the bus does not take is said once, and the next one is tried.
 */
import {
  bucketSubject,
  encodeIngestReport,
  INGEST_STATUS,
  type IngestReport,
  statusKey,
  timestampFromMillis
} from "@leasehold/events"
import { attemptNats, type NatsError } from "@leasehold/runtime/Nats"
import { Clock, Duration, Effect, Layer, Option } from "effect"
import { Bus } from "./Bus.ts"
import { Configuration } from "./Configuration.ts"
import { IngestConfig } from "./IngestConfig.ts"
import { IngestStatus } from "./IngestStatus.ts"
import { Publisher } from "./Publisher.ts"
import { instanceId } from "./Reporter/instanceId.ts"
import { serveStatus } from "./Reporter/serveStatus.ts"
import { VERSION } from "./version.ts"

const interval = Duration.seconds(10)
/** Changes come in company. */
const gathering = Duration.millis(300)
/** Where the bucket is not ours to write, asking again and again only fills the server's log. */
const refusedInterval = Duration.minutes(5)
/** How long the last report may take. */
const patience = Duration.millis(250)

export const reporterLayer = Layer.effectDiscard(Effect.gen(function*() {
  const { server, stateDirectory } = yield* IngestConfig
  const bus = yield* Bus
  const configuration = yield* Configuration
  const publisher = yield* Publisher
  const status = yield* IngestStatus
  const instance = yield* instanceId(stateDirectory)
  const subject = bucketSubject(INGEST_STATUS, statusKey(server, instance))
  const startedAt = timestampFromMillis(yield* Clock.currentTimeMillis)

  const report = Effect.gen(function*() {
    const problem = configuration.problem()
    return encodeIngestReport(
      {
        version: VERSION,
        startedAt,
        reportedAt: timestampFromMillis(yield* Clock.currentTimeMillis),
        configurationRevision: configuration.current().revision,
        ...(problem === undefined ? {} : { configurationProblem: problem }),
        ...publisher.totals(),
        sources: status.sources()
      } satisfies IngestReport
    )
  })

  let untold: string | undefined
  const put = Effect.gen(function*() {
    const { manager } = yield* bus.connected
    if (!bus.isConnected()) return interval
    const body = yield* report
    yield* attemptNats("report", () => manager.jetstream().publish(subject, body, { timeout: 2_000, retries: 0 }))
    untold = undefined
    return interval
  }).pipe(Effect.catch(({ cause }: NatsError) => {
    const reason = String(cause)
    const isNews = untold === undefined
    untold = reason
    const next = /permissions violation/iu.test(reason) ? refusedInterval : interval
    return isNews
      ? Effect.as(Effect.logInfo("the bus takes no report", { problem: reason }), next)
      : Effect.succeed(next)
  }))

  yield* serveStatus(server, instance, report)
  yield* Effect.gen(function*() {
    for (;;) {
      const next = yield* put.pipe(
        Effect.catchDefect((defect) =>
          Effect.as(Effect.logError("report failed", { problem: String(defect) }), interval)
        )
      )
      const isTouched = Option.isSome(yield* Effect.timeoutOption(status.touched, next))
      if (isTouched) yield* Effect.sleep(gathering)
    }
  }).pipe(Effect.forkScoped)

  yield* Effect.addFinalizer(() =>
    Effect.gen(function*() {
      if (!bus.isConnected() || untold !== undefined) return
      const { connection } = yield* bus.connected
      const body = yield* report
      yield* Effect.sync(() => connection.publish(subject, body))
      yield* attemptNats("flush", () => connection.flush())
    }).pipe(Effect.timeoutOption(patience), Effect.ignore)
  )
}))
