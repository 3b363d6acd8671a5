/**
 * How the servers' logs are watched: what administrators want, and what the ingests report.
 *
 * A configuration is checked for how it is written and kept in PostgreSQL; the ingest checks where its paths lead. Reports are as old as
 * the bus says: an ingest that is gone cannot claim to be there.
 */
import { INGEST_STATUS, type IngestReport, type InstanceId, ServerId, timestampFromMillis } from "@leasehold/events"
import { Postgres } from "@leasehold/runtime"
import { Clock, Context, Duration, Effect, Layer, Metric, Option, Result, Schema } from "effect"
import { Administration } from "../administration/Administration.ts"
import { ApiError } from "../api/ApiError.ts"
import type { Caller } from "../api/Caller.ts"
import { pageSize, pageToken, pageTokenReader } from "../api/pageToken.ts"
import type { Page, PageRequest } from "../ipam/pages.ts"
import { type Entry, openBucket } from "./Bucket.ts"
import { configurationOf, type ConfigurationRow, type WatcherConfiguration } from "./configurationOf.ts"
import { readReport } from "./readReport.ts"
import { settingsOf, type WantedConfiguration } from "./settingsOf.ts"

export interface IngestState {
  readonly server: ServerId
  readonly instance: InstanceId
  /** By the bus's clock: `2026-11-22T03:50:23.055763Z`. */
  readonly reportedAt: string
  readonly age: Duration.Duration
  /** It has missed three reports. */
  readonly isStale: boolean
  readonly report: IngestReport
}

const staleAfter = Duration.toMillis(Duration.seconds(30))
const atOnce = 16
/** Characters of reports after which a page ends: callers take messages of a few megabytes. */
const largestPage = 1_000_000
const readToken = pageTokenReader(Schema.Tuple([Schema.String]))

const skipped = Metric.counter("registry_ingest_reports_skipped_total", {
  description: "Reports of ingests that could not be understood",
  incremental: true
})

const columns = "server, config, revision, iso_timestamp(updated_at) AS \"updatedAt\""
const setSql = `
  INSERT INTO monitoring_configs AS kept (server, config) VALUES ($1, $2)
  ON CONFLICT (server) DO UPDATE SET config = excluded.config WHERE kept.config <> excluded.config
  RETURNING ${columns}`
const listSql = `SELECT ${columns} FROM monitoring_configs WHERE $1 = '' OR server = $1 ORDER BY server`

export class Monitoring extends Context.Service<Monitoring, {
  /** Sets what the ingests of a server watch; without files, or without a zone, as they were started. */
  configure(
    caller: Caller,
    wanted: WantedConfiguration,
    dryRun: boolean
  ): Effect.Effect<{ readonly configuration: WatcherConfiguration; readonly change: bigint }, ApiError>
  /** Of one server, or of all for an empty text; in the order of their names. */
  configurations(server: string): Effect.Effect<ReadonlyArray<WatcherConfiguration>, ApiError>
  /**
   * What each ingest of the server, or of all, reported last; in the order of servers and instances. A page may be shorter than asked
   * for: reports may be large.
   */
  status(server: string, page: PageRequest): Effect.Effect<Page<IngestState>, ApiError>
}>()("registry/monitoring/Monitoring") {
  static readonly layer = Layer.effect(
    Monitoring,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const administration = yield* Administration
      const reports = yield* openBucket(INGEST_STATUS)

      const configure = Effect.fn("Monitoring.configure")(
        function*(caller: Caller, wanted: WantedConfiguration, dryRun: boolean) {
          const { server, settings } = yield* settingsOf(wanted)
          const { change, result } = yield* administration.change(
            { caller, action: "watcher configure", dryRun },
            Effect.fnUntraced(function*(client) {
              const [changed] = yield* client.query<ConfigurationRow>(setSql, [server, settings])
              return changed === undefined ? yield* client.query<ConfigurationRow>(listSql, [server]) : [changed]
            })
          )
          const [configuration] = yield* Effect.orDie(Effect.fromResult(Result.all(result.map(configurationOf))))
          return { configuration: yield* Effect.orDie(Effect.fromNullishOr(configuration)), change }
        }
      )

      const configurations = Effect.fn("Monitoring.configurations")(function*(server: string) {
        yield* checkServer(server)
        const rows = yield* Effect.orDie(postgres.query<ConfigurationRow>(listSql, [server]))
        return rows.flatMap((row) => Option.toArray(Result.getSuccess(configurationOf(row))))
      })

      const stateOf = Effect.fnUntraced(function*({ key, value, writtenAt }: Entry) {
        const now = yield* Clock.currentTimeMillis
        const read = value === undefined ? Option.none() : yield* readReport(key, value)
        if (value !== undefined && Option.isNone(read)) yield* Metric.update(skipped, 1)
        const age = Math.max(0, now - writtenAt)
        return Option.map(read, (told): IngestState => ({
          ...told,
          reportedAt: timestampFromMillis(writtenAt),
          age: Duration.millis(age),
          isStale: age > staleAfter
        }))
      })

      const status = Effect.fn("Monitoring.status")(function*(server: string, page: PageRequest) {
        yield* checkServer(server)
        const size = yield* pageSize(page.size)
        const [after = ""] = (yield* readToken({ server }, page.token)) ?? []
        const keys = (yield* asked(reports.keys(server === "" ? ">" : `${server}.*`)))
          .filter((key) => isBefore(after, key)).toSorted((one, other) => isBefore(one, other) ? -1 : 1)
        const items: Array<IngestState> = []
        let [next, characters] = [0, 0]
        while (next < keys.length && items.length < size && characters < largestPage) {
          const some = keys.slice(next, next + Math.min(atOnce, size - items.length))
          for (const entry of yield* asked(Effect.forEach(some, reports.get, { concurrency: atOnce }))) {
            if (characters >= largestPage) break
            next++
            if (entry === undefined) continue
            items.push(...Option.toArray(yield* stateOf(entry)))
            characters += entry.value?.length ?? 0
          }
        }
        const last = keys[next - 1]
        return { items, nextToken: next < keys.length && last !== undefined ? pageToken({ server }, [last]) : "" }
      })

      return Monitoring.of({ configure, configurations, status })
    })
  )
}

const asked = <A, E>(question: Effect.Effect<A, E>) =>
  question.pipe(
    Effect.timeout("2 seconds"),
    Effect.mapError(() => ApiError.refuse("unavailable", "NATS does not answer: try again later"))
  )

/** By server, then by instance: a name that goes on with a dash comes after the shorter one. */
const isBefore = (one: string, other: string): boolean => one.replace(".", "\0") < other.replace(".", "\0")

const decodeServer = Schema.decodeUnknownOption(ServerId)

const checkServer = (server: string): Effect.Effect<void, ApiError> =>
  server === "" || Option.isSome(decodeServer(server))
    ? Effect.void
    : Effect.fail(ApiError.invalid("server", "a server id such as lab, or nothing for all", server))
