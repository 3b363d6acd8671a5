/** How logs are watched, and what the ingests report, as messages. */
import type { MessageInitShape } from "@bufbuild/protobuf"
import type { IngestStatusSchema, SourceStatusSchema, WatcherConfigurationSchema } from "@leasehold/registry-api"
import { Duration } from "effect"
import type { WatcherConfiguration } from "../../../monitoring/configurationOf.ts"
import type { IngestState } from "../../../monitoring/Monitoring.ts"
import { optionalTimestamp, toTimestamp } from "../../messages.ts"

export const configurationMessage = (
  { logFiles, revision, server, updatedAt, zone }: WatcherConfiguration
): MessageInitShape<typeof WatcherConfigurationSchema> => ({
  server,
  logFiles: [...logFiles],
  zone: zone ?? "",
  revision: BigInt(revision),
  updatedAt: toTimestamp(updatedAt)
})

export const ingestMessage = (
  { age, instance, isStale, report, reportedAt, server }: IngestState
): MessageInitShape<typeof IngestStatusSchema> => ({
  server,
  instance,
  version: report.version,
  startedAt: toTimestamp(report.startedAt),
  reportedAt: toTimestamp(reportedAt),
  age: {
    seconds: BigInt(Math.floor(Duration.toSeconds(age))),
    nanos: Math.floor(Duration.toMillis(age) % 1_000) * 1_000_000
  },
  stale: isStale,
  sources: report.sources.map(sourceMessage),
  publishedEvents: BigInt(report.published),
  duplicateEvents: BigInt(report.duplicates),
  publishRetries: BigInt(report.retries),
  configurationRevision: BigInt(report.configurationRevision),
  configurationProblem: report.configurationProblem ?? ""
})

const sourceMessage = (
  source: IngestState["report"]["sources"][number]
): MessageInitShape<typeof SourceStatusSchema> => ({
  type: source.type,
  path: source.path,
  position: BigInt(source.position),
  lagBytes: BigInt(source.lag),
  lines: BigInt(source.lines),
  events: BigInt(source.events),
  unknownLines: BigInt(source.unknownLines),
  gaps: BigInt(source.gaps),
  ...optionalTimestamp("lastEventAt", source.lastEventAt ?? null),
  problem: source.problem ?? ""
})
