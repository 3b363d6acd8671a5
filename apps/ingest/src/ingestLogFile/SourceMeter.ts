/**
 * What one log file came to, counted once and told twice: as metrics, and as the source's part of the report.
 *
 * It outlives a file that fails and is begun again.
 */
import { type DhcpEvent, sanitizeText, type SourceReport, type Timestamp } from "@leasehold/events"
import { Effect, Metric } from "effect"
import type { Tally } from "../LogEvents.ts"
import type { LogFilePosition } from "../sources/LogFile/LogFilePosition.ts"

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })
const bytesRead = counter("ingest_read_bytes_total", "Bytes of whole lines that were read")
const linesRead = counter("ingest_lines_total", "Lines that were read")
const unknownLines = counter("ingest_unknown_lines_total", "Lines of dnsmasq-dhcp that no rule knows")
const incompleteLines = counter("ingest_incomplete_lines_total", "Messages that lack what their event requires")
const eventsMade = counter("ingest_events_total", "Events made, by kind")
const lagBytes = Metric.gauge("ingest_lag_bytes", { description: "Bytes in the log that were not read yet" })

/** A report stays small whatever goes wrong. */
const longestProblem = 300

const update = (metric: Metric.Counter<number>, by: number) => by === 0 ? Effect.void : Metric.update(metric, by)

export class SourceMeter {
  readonly path: string
  lines = 0
  /** Bytes of lines, over all incarnations. */
  bytes = 0
  /** Set by whoever reads the file. */
  lag: () => number = () => 0
  problem: () => string | undefined = () => undefined
  /** Whether everything that was read is on the bus. */
  isStored: () => boolean = () => false
  private events = 0
  private unknown = 0
  private gaps = 0
  private position = 0
  private lastEventAt: Timestamp | undefined
  private readonly metrics: Readonly<Record<"bytes" | "lines" | "unknown" | "incomplete", Metric.Counter<number>>>
  private readonly lagMetric: Metric.Gauge<number>

  constructor(path: string) {
    this.path = path
    const ofFile = (metric: Metric.Counter<number>) => Metric.withAttributes(metric, { file: path })
    this.metrics = {
      bytes: ofFile(bytesRead),
      lines: ofFile(linesRead),
      unknown: ofFile(unknownLines),
      incomplete: ofFile(incompleteLines)
    }
    this.lagMetric = Metric.withAttributes(lagBytes, { file: path })
  }

  readonly tellLag = Effect.suspend(() => Metric.update(this.lagMetric, this.lag()))

  made(events: ReadonlyArray<DhcpEvent>): Effect.Effect<void> {
    if (events.length === 0) return Effect.void
    const kinds = new Map<string, number>()
    for (const { kind } of events) kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    this.events += events.length
    this.gaps += kinds.get("gap") ?? 0
    this.lastEventAt = events.at(-1)?.at
    const { path: file } = this
    return Effect.forEach(
      kinds,
      ([kind, by]) => Metric.update(Metric.withAttributes(eventsMade, { file, kind }), by),
      { discard: true }
    )
  }

  read(length: number, { incomplete, lines, unknown }: Tally): Effect.Effect<void> {
    this.bytes += length
    this.lines += lines
    this.unknown += unknown.length
    const { metrics } = this
    return Effect.gen(function*() {
      yield* update(metrics.bytes, length)
      yield* update(metrics.lines, lines)
      yield* update(metrics.unknown, unknown.length)
      yield* update(metrics.incomplete, incomplete)
      const [example] = unknown
      if (example !== undefined) yield* Effect.logDebug("unknown line", { line: example, of: unknown.length })
    })
  }

  moved({ incarnations, newest }: LogFilePosition): void {
    this.position = incarnations.at(-1)?.offset ?? newest?.offset ?? 0
  }

  report(): SourceReport {
    const problem = this.problem()
    return {
      type: "log-file",
      path: sanitizeText(this.path),
      position: this.position,
      lag: this.lag(),
      lines: this.lines,
      events: this.events,
      unknownLines: this.unknown,
      gaps: this.gaps,
      ...(this.lastEventAt === undefined ? {} : { lastEventAt: this.lastEventAt }),
      ...(problem === undefined ? {} : { problem: sanitizeText(problem.slice(0, longestProblem)) })
    }
  }
}
