/** The settings of the daemon, from the environment; each is checked before anything starts. */
import { isZone } from "@leasehold/dnsmasq"
import { ServerId } from "@leasehold/events"
import { Config, Duration, type Effect, Option, Schema } from "effect"
import { resolve } from "node:path"

const atLeast = (minimum: number, name: string, atMost: number) => {
  const expected = `a whole number from ${minimum} to ${atMost}`
  return Config.schema(
    Schema.NumberFromString.check(
      Schema.isInt({ expected }),
      Schema.isBetween({ minimum, maximum: atMost }, { expected })
    ),
    name
  )
}

/** Buffers are made when they are needed: one that can never be had is refused at the start. */
const mostBytes = 1_073_741_824

const Zone = Schema.String.check(
  Schema.makeFilter((text) => isZone(text), {
    expected: "an IANA time zone such as Europe/Berlin"
  })
)

const LogFiles = Schema.String.check(
  Schema.makeFilter((text) => pathsOf(text).length > 0, {
    expected: "paths of log files, separated by commas"
  })
)
const Directories = Schema.String.check(
  Schema.makeFilter((text) => pathsOf(text).length > 0, {
    expected: "paths of directories, separated by commas"
  })
)
const machineZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone
const pathsOf = (text: string): ReadonlyArray<string> => [
  ...new Set(text.split(",").map((path) => path.trim()).filter((path) => path !== "").map((path) => resolve(path)))
]

export const IngestConfig = Config.all({
  server: Config.schema(ServerId, "SERVER"),
  logFiles: Config.schema(LogFiles, "LOG_FILES").pipe(Config.map(pathsOf)),
  allowedDirectories: Config.schema(Directories, "ALLOWED_DIRECTORIES").pipe(Config.map(pathsOf), Config.option),
  // Only asked for where nothing is set: what knows zones takes eight megabytes.
  zone: Config.schema(Zone, "ZONE").pipe(Config.option, Config.map(Option.getOrElse(machineZone))),
  stateDirectory: Config.NonEmptyString("STATE_DIRECTORY").pipe(
    Config.withDefault("/var/lib/leasehold/ingest"),
    Config.map((path) => resolve(path))
  ),
  start: Config.Literals(["beginning", "end"], "START").pipe(Config.withDefault("beginning" as const)),
  pollInterval: Config.Duration("POLL_INTERVAL").pipe(Config.withDefault(Duration.millis(250))),
  rotationQuiet: Config.Duration("ROTATION_QUIET").pipe(Config.withDefault(Duration.seconds(60))),
  chunkBytes: atLeast(16_384, "CHUNK_BYTES", mostBytes).pipe(Config.withDefault(16_384)),
  checkpointInterval: Config.Duration("CHECKPOINT_INTERVAL").pipe(Config.withDefault(Duration.millis(200)))
}).pipe(Config.nested("INGEST"))
export type IngestConfig = Effect.Success<typeof IngestConfig>

/** How much may be on its way to the bus at a time, for each file. */
export const PublishConfig = Config.all({
  messages: atLeast(1, "WINDOW_MESSAGES", 1_048_576).pipe(Config.withDefault(1024)),
  bytes: atLeast(1, "WINDOW_BYTES", mostBytes).pipe(Config.withDefault(2_097_152)),
  ackTimeout: Config.Duration("ACK_TIMEOUT").pipe(Config.withDefault(Duration.seconds(5)))
}).pipe(Config.nested("INGEST"))
