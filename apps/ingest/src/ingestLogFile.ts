/**
 * One log file on its way to the bus: read a chunk, make events of it, publish them, remember how far that went.
 *
 * The checkpoint follows behind what JetStream acknowledged and is written at most every so often, beside the work.
 * Reading waits for the bus: what cannot be published stays in the file.
 */
import { Clock, Duration, Effect, Option, type Semaphore } from "effect"
import { type Checkpoint, type CheckpointLost, Checkpoints } from "./Checkpoints.ts"
import { IngestConfig } from "./IngestConfig.ts"
import type { SourceMeter } from "./ingestLogFile/SourceMeter.ts"
import { makeLogEvents } from "./LogEvents.ts"
import { monotonicMillis } from "./monotonicMillis.ts"
import { Publisher } from "./Publisher.ts"
import type { Loss } from "./sources/LogFile/Incarnations.ts"
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

const lostCheckpoint = ({ incident }: CheckpointLost): Loss => ({
  _tag: "Loss",
  source: incident,
  position: 0,
  reason: "the checkpoint was lost: what was not read of rotated logs may be missing"
})

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

export interface Following {
  readonly path: string
  /** The zone of lines that name none, as it is now. */
  readonly zone: () => string
  /** What is told of it; goes on when the file is begun again. */
  readonly meter: SourceMeter
  /** Held while what was read is made into events: who ends this between two chunks has nothing done by halves. */
  readonly busy: Semaphore.Semaphore
}

/** Never ends by itself. */
export const ingestLogFile = Effect.fn("ingestLogFile")(function*({ busy, meter, path, zone }: Following) {
  const config = yield* IngestConfig
  const checkpoints = yield* Checkpoints
  const publisher = yield* Publisher

  const { loss, saved } = yield* checkpoints.load(path).pipe(
    Effect.match({
      onSuccess: (found) => ({ saved: Option.getOrUndefined(found), loss: undefined }),
      onFailure: (lost) => ({ saved: undefined, loss: lostCheckpoint(lost) })
    })
  )
  const file = yield* openLogFile({
    path,
    position: saved?.position,
    loss,
    start: config.start,
    chunkBytes: config.chunkBytes,
    pollInterval: config.pollInterval,
    quietTime: config.rotationQuiet
  })
  let checkpointProblem: string | undefined
  meter.problem = () => file.problem() ?? checkpointProblem
  meter.lag = file.lag

  const log = makeLogEvents({ server: config.server, path, zone: zone(), state: saved?.events })

  let writtenAt = -Infinity
  let reached: Mark = { count: 0, position: saved?.position ?? file.position(), events: saved?.events ?? log.state() }
  const isNew = saved === undefined && loss === undefined
  // A lost checkpoint stays until the gap is stored: killed before that, this begins as it does now.
  let written = isNew ? undefined : reached
  meter.moved(reached.position)
  let pending: Mark | undefined
  const save = Effect.fnUntraced(function*(mark: Mark) {
    const problem = yield* checkpoints.save(path, mark).pipe(
      Effect.match({ onSuccess: () => undefined, onFailure: ({ message }) => message })
    )
    writtenAt = yield* monotonicMillis
    if (problem === undefined) written = mark
    else if (checkpointProblem === undefined) yield* Effect.logWarning("checkpoint cannot be written", { problem })
    checkpointProblem = problem
  })
  // From now on a rotation is one that we know of, even if we never get to read.
  if (isNew) yield* save(reached)

  meter.isStored = () => false
  const outlet = yield* publisher.outlet
  meter.isStored = () => outlet.acknowledged() >= outlet.offered()
  meter.problem = () => file.problem() ?? outlet.problem() ?? checkpointProblem
  yield* Effect.logInfo("following log file", { resumed: saved !== undefined })

  const remember = Effect.gen(function*() {
    const isNoise = written !== undefined && reached.count === written.count
    if (isNoise && (yield* monotonicMillis) - writtenAt < patient) return
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

  const began = meter.lines
  let recognised = 0
  let warnedAt = -Infinity
  yield* Effect.gen(function*() {
    yield* Effect.sleep(config.checkpointInterval)
    yield* remember
    yield* meter.tellLag
    const now = yield* monotonicMillis
    const lines = meter.lines - began
    if (recognised > 0 || lines < suspicious.lines || now - warnedAt < suspicious.every) return
    warnedAt = now
    yield* Effect.logWarning("no line of dnsmasq-dhcp in this log file: is it the right one?", { lines })
  }).pipe(Effect.forever, Effect.forkScoped)

  const take = Effect.fnUntraced(function*(found: Lines | Loss) {
    const now = yield* Clock.currentTimeMillis
    if (found._tag === "Loss") {
      yield* Effect.logWarning("events are lost", { reason: found.reason, position: found.position })
      const gap = log.lost(found, now)
      yield* outlet.offerAll([gap])
      yield* meter.made([gap])
    } else {
      for (const part of partsOf(found)) {
        yield* outlet.slack
        log.useZone(zone())
        const { events, tally } = log.read(part, now)
        yield* outlet.offerAll(events)
        yield* meter.made(events)
        yield* meter.read(part.bytes.length, tally)
        recognised += tally.recognised
      }
    }
    reached = { count: outlet.offered(), position: file.position(), events: log.state() }
    meter.moved(reached.position)
  })
  return yield* Effect.flatMap(file.next, (found) => busy.withPermit(take(found))).pipe(Effect.forever)
}, Effect.scoped)
