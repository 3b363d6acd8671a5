/** What the ingests watch, and how far they are: a row for each source. */
import type { IngestStatus, SourceStatus, WatcherConfiguration } from "@leasehold/registry-api"
import type { Column } from "../output/Column.ts"
import { formatSpan } from "../time.ts"
import { orNone } from "./orNone.ts"

export interface SourceRow {
  readonly ingest: IngestStatus
  /** Absent of an ingest without sources. */
  readonly source: SourceStatus | undefined
}

export const sourceRows = (ingests: ReadonlyArray<IngestStatus>): ReadonlyArray<SourceRow> =>
  ingests.flatMap((ingest): ReadonlyArray<SourceRow> =>
    ingest.sources.length === 0 ? [{ ingest, source: undefined }] : ingest.sources.map((source) => ({ ingest, source }))
  )

const state = ({ ingest, source }: SourceRow): string => {
  if (ingest.stale) return "silent"
  return source === undefined || source.problem !== "" || ingest.configurationProblem !== "" ? "problem" : "ok"
}

export const sourceColumns: ReadonlyArray<Column<SourceRow>> = [
  { key: "server", keep: true, value: ({ ingest }) => ingest.server },
  {
    key: "state",
    value: state,
    colour: (row) => ({ ok: "green" as const, silent: "red" as const })[state(row)] ?? "yellow"
  },
  { key: "type", value: ({ source }) => source?.type },
  { key: "path", value: ({ source }) => source?.path },
  { key: "position", value: ({ source }) => source?.position },
  { key: "lag_bytes", value: ({ source }) => source?.lagBytes },
  { key: "events", value: ({ source }) => source?.events },
  { key: "gaps", value: ({ source }) => source?.gaps },
  { key: "last_event_at", value: ({ source }) => source?.lastEventAt },
  { key: "age", value: ({ ingest }) => (ingest.age === undefined ? undefined : formatSpan(ingest.age)) },
  { key: "problem", value: ({ ingest, source }) => orNone(source?.problem || ingest.configurationProblem) },
  { key: "lines", value: ({ source }) => source?.lines, detail: true },
  { key: "unknown_lines", value: ({ source }) => source?.unknownLines, detail: true },
  { key: "instance", value: ({ ingest }) => ingest.instance, detail: true },
  { key: "version", value: ({ ingest }) => orNone(ingest.version), detail: true },
  { key: "started_at", value: ({ ingest }) => ingest.startedAt, detail: true },
  { key: "reported_at", value: ({ ingest }) => ingest.reportedAt, detail: true },
  { key: "stale", value: ({ ingest }) => ingest.stale, detail: true },
  { key: "published_events", value: ({ ingest }) => ingest.publishedEvents, detail: true },
  { key: "duplicate_events", value: ({ ingest }) => ingest.duplicateEvents, detail: true },
  { key: "publish_retries", value: ({ ingest }) => ingest.publishRetries, detail: true },
  { key: "configuration_revision", value: ({ ingest }) => ingest.configurationRevision, detail: true },
  { key: "configuration_problem", value: ({ ingest }) => orNone(ingest.configurationProblem), detail: true }
]

export const configurationColumns: ReadonlyArray<Column<WatcherConfiguration>> = [
  { key: "server", value: ({ server }) => server },
  { key: "log_files", value: ({ logFiles }) => logFiles },
  { key: "zone", value: ({ zone }) => orNone(zone) },
  { key: "revision", value: ({ revision }) => revision },
  { key: "updated_at", value: ({ updatedAt }) => updatedAt }
]
