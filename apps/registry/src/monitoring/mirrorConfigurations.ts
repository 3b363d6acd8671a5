/**
 * Keeps the bucket `ingest-config` as PostgreSQL has it: what is missing, different or too much there is put right.
 *
 * It compares at the start, after a change in PostgreSQL or in the bucket, after each reconnection, and every ten seconds. Replicas
 * take turns under a lock, and write only over what they read, so that none undoes what another wrote.
 */
import { bucketStream, bucketSubject, encodeWatcherConfig, INGEST_CONFIG, INGEST_STATUS } from "@leasehold/events"
import { type Client, Nats, NatsError, Postgres } from "@leasehold/runtime"
import { Cause, Effect, Latch, Layer, Metric, Result, Schedule, Stream } from "effect"
import { makeOutage } from "../Outage.ts"
import { type Bucket, openBucket } from "./Bucket.ts"
import { configurationOf, type ConfigurationRow } from "./configurationOf.ts"

const written = Metric.counter("registry_configurations_mirrored_total", {
  description: "Keys of the bucket ingest-config that were not as PostgreSQL has them",
  incremental: true
})

const lockSql = "SELECT pg_advisory_xact_lock(7220004)"
const allSql = "SELECT server, config, revision, '' AS \"updatedAt\" FROM monitoring_configs"

const mirror = Effect.fnUntraced(function*(client: Client, bucket: Bucket) {
  yield* client.query(lockSql)
  const rows = yield* client.query<ConfigurationRow>(allSql)
  yield* bucket.ensure
  const wanted = new Map(rows.map((row) => [row.server, configurationOf(row)]))
  for (const [server, configuration] of wanted) {
    if (Result.isFailure(configuration)) {
      yield* Effect.logWarning("monitoring configuration is not valid", {
        server,
        reason: configuration.failure.message
      })
      continue
    }
    const { logFiles, revision, zone } = configuration.success
    const value = encodeWatcherConfig({ revision, logFiles, ...(zone === undefined ? {} : { zone }) })
    const entry = yield* bucket.get(server)
    if (entry?.value === value) continue
    yield* bucket.put(server, value, entry?.sequence ?? 0)
    yield* Metric.update(written, 1)
  }
  for (const key of yield* bucket.keys(">")) {
    if (wanted.has(key)) continue
    const entry = yield* bucket.get(key)
    if (entry?.value === undefined) continue
    yield* bucket.remove(key, entry.sequence)
    yield* Metric.update(written, 1)
  }
})

export const mirrorLayer = Layer.effectDiscard(Effect.gen(function*() {
  const postgres = yield* Postgres
  const { connection } = yield* Nats
  const bucket = yield* openBucket(INGEST_CONFIG)
  const reports = yield* openBucket(INGEST_STATUS)
  const woken = yield* Latch.make(false)
  const outage = makeOutage("monitoring configurations cannot be mirrored")

  yield* Effect.forEach([
    bucketSubject(INGEST_CONFIG, ">"),
    ...[INGEST_CONFIG, INGEST_STATUS].map((one) => `$JS.EVENT.ADVISORY.STREAM.DELETED.${bucketStream(one)}`)
  ], (subject) =>
    Effect.acquireRelease(
      Effect.sync(() => connection.subscribe(subject, { callback: () => void woken.openUnsafe() })),
      (subscription) => Effect.sync(() => subscription.unsubscribe())
    ))
  const reconnections = Stream.fromAsyncIterable(
    connection.status(),
    (cause) => new NatsError({ operation: "status", cause })
  ).pipe(Stream.filter(({ type }) => type === "reconnect"), Stream.catch(() => Stream.never))
  const wake = Stream.runForEach(() => woken.open)
  yield* Effect.all([
    wake(reconnections),
    wake(postgres.listen("monitoring")),
    wake(Stream.fromSchedule(Schedule.spaced("10 seconds")))
  ], { concurrency: "unbounded", discard: true }).pipe(Effect.forkScoped)

  // A bus that is away is found out before a connection to PostgreSQL is taken.
  const pass = Effect.andThen(reports.ensure, postgres.transaction((client) => mirror(client, bucket)))
  yield* Effect.gen(function*() {
    yield* woken.close
    yield* pass.pipe(
      Effect.andThen(outage.over),
      Effect.catchCauseIf(
        (cause) => !Cause.hasInterruptsOnly(cause),
        (cause) => outage.because(Cause.squash(cause))
      )
    )
    // However often somebody writes into the bucket, it is put right a few times a second.
    yield* Effect.sleep("100 millis")
    yield* woken.await
  }).pipe(Effect.forever, Effect.forkScoped)
}))
