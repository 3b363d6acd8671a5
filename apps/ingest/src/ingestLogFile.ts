/**
 * One log file on its way to the bus: read a chunk, make events of it, publish them, remember how far that went.
 *
 * The checkpoint follows behind what JetStream acknowledged and is written at most every so often, beside the work.
 * Reading waits for the bus: what cannot be published stays in the file.
 */
import { Clock, Duration, Effect, Metric, Option } from "effect"
import { type Checkpoint, Checkpoints } from "./Checkpoints.ts"
import { IngestConfig } from "./IngestConfig.ts"
import { IngestStatus } from "./IngestStatus.ts"
import { makeLogEvents, type Tally } from "./LogEvents.ts"
import { Publisher } from "./Publisher.ts"
import { type Lines, openLogFile } from "./sources/LogFile.ts"

/** How long the last acknowledgements are waited for when the daemon ends. */
const patience = Duration.seconds(1)

/** Progress over lines that are no events is worth a write to the disk this often, in milliseconds. */
const patient = 5_000

/** A log in which nothing is recognised is most likely the wrong file. */
const suspicious = { lines: 100, every: Duration.toMillis(Duration.hours(1)) }

/**
 * Events are made when they can be sent, a few at a time. Those that had to wait would grow old in the garbage
 * collector's sense, and cost many times their size.
 */
const partBytes = 4096

const partsOf = function*({ bytes, offset, ...lines }: Lines): Generator<Lines> {
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(newline, Math.min(start + partBytes, bytes.length) - 1) + 1
    yield { ...lines, offset: offset + start, bytes: bytes.subarray(start, end) }
    start = end
  }
}
const newline = 10

/** A place in the log, and how many events must be acknowledged before it may be remembered. */
interface Mark extends Pick<Checkpoint, "position" | "events"> {
  readonly count: number
}

/** Never ends by itself. */
export const ingestLogFile = Effect.fn("ingestLogFile")(function*(path: string) {
  const config = yield* IngestConfig
  const checkpoints = yield* Checkpoints
  const publisher = yield* Publisher
  const status = yield* IngestStatus
  const meters = metersOf(path)

  const saved = Option.getOrUndefined(yield* checkpoints.load(path))
  const file = yield* openLogFile({
    path,
    position: saved?.position,
    start: config.start,
    chunkBytes: config.chunkBytes,
    pollInterval: config.pollInterval,
    quietTime: config.rotationQuiet
  })
  let checkpointProblem: string | undefined
  yield* status.watch(path, () => file.problem() ?? checkpointProblem)

  const log = makeLogEvents({ server: config.server, path, zone: config.zone, state: saved?.events })

  let writtenAt = 0
  let reached: Mark = { count: 0, position: saved?.position ?? file.position(), events: saved?.events ?? log.state() }
  let written = saved === undefined ? undefined : reached
  let pending: Mark | undefined
  const save = Effect.fnUntraced(function*(mark: Mark) {
    const problem = yield* checkpoints.save(path, mark).pipe(
      Effect.match({ onSuccess: () => undefined, onFailure: ({ message }) => message })
    )
    writtenAt = yield* Clock.currentTimeMillis
    if (problem === undefined) written = mark
    else if (checkpointProblem === undefined) yield* Effect.logWarning("checkpoint cannot be written", { problem })
    checkpointProblem = problem
  })
  // From now on a rotation is one that we know of, even if we never get to read.
  if (saved === undefined) yield* save(reached)

  const outlet = yield* publisher.outlet
  yield* Effect.logInfo("following log file", { resumed: saved !== undefined })

  const remember = Effect.gen(function*() {
    const isNoise = written !== undefined && reached.count === written.count
    if (isNoise && (yield* Clock.currentTimeMillis) - writtenAt < patient) return
    pending ??= reached === written ? undefined : reached
    if (pending === undefined || outlet.acknowledged() < pending.count) return
    yield* save(pending)
    pending = undefined
  })

  yield* Effect.addFinalizer(() =>
    Effect.gen(function*() {
      if (publisher.isConnected()) yield* Effect.timeoutOption(outlet.whenAcknowledged(outlet.offered()), patience)
      const last = outlet.acknowledged() >= reached.count ? reached : pending
      if (last !== undefined && last !== written && outlet.acknowledged() >= last.count) yield* save(last)
    })
  )

  let lines = 0
  let recognised = 0
  let warnedAt = 0
  yield* Effect.gen(function*() {
    yield* Effect.sleep(config.checkpointInterval)
    yield* remember
    yield* Metric.update(meters.lag, file.lag())
    const now = yield* Clock.currentTimeMillis
    if (recognised > 0 || lines < suspicious.lines || now - warnedAt < suspicious.every) return
    warnedAt = now
    yield* Effect.logWarning("no line of dnsmasq-dhcp in this log file: is it the right one?", { lines })
  }).pipe(Effect.forever, Effect.forkScoped)

  return yield* Effect.gen(function*() {
    const found = yield* file.next
    const now = yield* Clock.currentTimeMillis
    if (found._tag === "Loss") {
      yield* Effect.logWarning("events are lost", { reason: found.reason, position: found.position })
      const gap = log.lost(found, now)
      yield* outlet.offerAll([gap])
      yield* meters.events([gap])
    } else {
      for (const part of partsOf(found)) {
        yield* outlet.slack
        const { events, tally } = log.read(part, now)
        yield* outlet.offerAll(events)
        yield* meters.events(events)
        yield* meters.read(part.bytes.length, tally)
        lines += tally.lines
        recognised += tally.recognised
      }
    }
    reached = { count: outlet.offered(), position: file.position(), events: log.state() }
  }).pipe(Effect.forever)
}, Effect.scoped)

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })
const bytesRead = counter("ingest_read_bytes_total", "Bytes of whole lines that were read")
const linesRead = counter("ingest_lines_total", "Lines that were read")
const unknownLines = counter("ingest_unknown_lines_total", "Lines of dnsmasq-dhcp that no rule knows")
const incompleteLines = counter("ingest_incomplete_lines_total", "Messages that lack what their event requires")
const eventsMade = counter("ingest_events_total", "Events made, by kind")
const lag = Metric.gauge("ingest_lag_bytes", { description: "Bytes in the log that were not read yet" })

const metersOf = (file: string) => {
  const [bytes, lines, unknown, incomplete] = [bytesRead, linesRead, unknownLines, incompleteLines].map((metric) =>
    Metric.withAttributes(metric, { file })
  )
  const update = (metric: Metric.Counter<number> | undefined, by: number) =>
    metric === undefined || by === 0 ? Effect.void : Metric.update(metric, by)
  return {
    lag: Metric.withAttributes(lag, { file }),
    events: Effect.fnUntraced(function*(events: ReadonlyArray<{ readonly kind: string }>) {
      const kinds = new Map<string, number>()
      for (const { kind } of events) kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
      for (const [kind, by] of kinds) yield* Metric.update(Metric.withAttributes(eventsMade, { file, kind }), by)
    }),
    read: Effect.fnUntraced(function*(length: number, tally: Tally) {
      yield* update(bytes, length)
      yield* update(lines, tally.lines)
      yield* update(unknown, tally.unknown.length)
      yield* update(incomplete, tally.incomplete)
      const [example] = tally.unknown
      if (example !== undefined) yield* Effect.logDebug("unknown line", { line: example, of: tally.unknown.length })
    })
  }
}
