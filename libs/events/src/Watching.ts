/**
 * How the watching of a server's logs is configured, and what an ingest reports of it.
 *
 * Paths are written in one way only: absolute, without `.`, `..`, empty parts or control characters. Whether an ingest may read them is
 * for the ingest to say.
 */
import { DateTime, Option, Result, Schema } from "effect"
import { Rejection, rejectionOf, showActual } from "./Rejection.ts"
import { Text } from "./scalars/Text.ts"
import { Timestamp } from "./scalars/Timestamp.ts"

const longestPath = 1024
const mostFiles = 64

export const LogPath = Text.check(
  Schema.isPattern(/^(?:\/(?!\.{1,2}(?:\/|$))[^/]{1,255})+$/u, {
    expected: "an absolute path without empty parts, . and .. such as /var/log/dnsmasq.log"
  }),
  Schema.isMaxLength(longestPath, { expected: `a path of at most ${longestPath} characters` })
).annotate({ description: "Absolute path of a log file" }).pipe(Schema.brand("LogPath"))
export type LogPath = typeof LogPath.Type

export const ZoneName = Schema.String.check(
  Schema.makeFilter((name: string) => Option.isSome(DateTime.zoneMakeNamed(name)), {
    expected: "an IANA time zone such as Europe/Berlin"
  }),
  // An offset is no zone, although JavaScript takes one for it.
  Schema.isPattern(/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/u, { expected: "an IANA time zone such as Europe/Berlin" })
).annotate({ description: "IANA time zone of lines that name none" })

/** What an administrator decides; what says nothing leaves what the ingest was started with. */
export const WatcherSettings = Schema.Struct({
  logFiles: Schema.Array(LogPath).check(
    Schema.isMaxLength(mostFiles, { expected: `at most ${mostFiles} paths` }),
    Schema.isUnique({ expected: "each path once" })
  ).annotate({ description: "The logs to follow; those of the ingest's start where there is none" }),
  zone: Schema.optionalKey(ZoneName)
})
export type WatcherSettings = typeof WatcherSettings.Type

/** A value of the bucket `ingest-config`; its key is the server. */
export const WatcherConfig = Schema.Struct({
  revision: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotate({ description: "Grows with every change" }),
  ...WatcherSettings.fields
}).annotate({ description: "What the ingest of a server is to watch" })
export type WatcherConfig = typeof WatcherConfig.Type

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const count = (description: string) => Count.annotate({ description })

export const SourceReport = Schema.Struct({
  type: Schema.Literals(["log-file"]),
  path: Text,
  position: count("Bytes read of the file as it is now"),
  lag: count("Bytes written and not read yet"),
  lines: count("Lines read since the ingest follows it"),
  events: count("Events made of them"),
  unknownLines: count("Lines of dnsmasq-dhcp that no rule knows"),
  gaps: count("Losses that were told of"),
  lastEventAt: Schema.optionalKey(Timestamp),
  problem: Schema.optionalKey(Text.annotate({ description: "What keeps it from being read or stored" }))
})
export type SourceReport = typeof SourceReport.Type

/** A value of the bucket `ingest-status`, and the answer on `ingest.v1.status.<server>`. */
export const IngestReport = Schema.Struct({
  version: Text,
  startedAt: Timestamp,
  reportedAt: Timestamp.annotate({ description: "By the ingest's clock" }),
  configurationRevision: count("Of the configuration in use; 0 where it is that of its start"),
  configurationProblem: Schema.optionalKey(Text.annotate({ description: "Why a later one was refused" })),
  published: count("Events that JetStream has acknowledged"),
  duplicates: count("Those of them that it had already"),
  retries: count("Times that everything without an acknowledgement was sent again"),
  sources: Schema.Array(SourceReport)
}).annotate({ description: "What an ingest does; counted since its start" })
export type IngestReport = typeof IngestReport.Type

const ConfigCodec = Schema.toCodecJson(WatcherConfig)
const ReportJson = Schema.fromJsonString(Schema.toCodecJson(IngestReport))

const decodeConfig = Schema.decodeUnknownResult(ConfigCodec)

/** A value of the bucket, or the field that is wrong. */
export const decodeWatcherConfig = (text: string): Result.Result<WatcherConfig, Rejection> => {
  const body = Result.try((): unknown => JSON.parse(text))
  if (Result.isFailure(body)) {
    return Result.fail(new Rejection({ field: "body", expected: "a JSON object", actual: showActual(text) }))
  }
  return Result.mapError(decodeConfig(body.success), ({ issue }) => rejectionOf(issue, body.success))
}
export const encodeWatcherConfig = Schema.encodeSync(Schema.fromJsonString(ConfigCodec))
export const decodeIngestReport = Schema.decodeUnknownEffect(ReportJson)
export const encodeIngestReport = Schema.encodeSync(ReportJson)
