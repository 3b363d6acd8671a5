/**
 * The lines of one log to events: scanned, joined to their transactions, given ids and times.
 *
 * The same bytes after the same state give the same events, ids and times; lines without a time of their own get the
 * reading clock's. Plain functions without Effect, for they run once a line.
 */
import { LONGEST_LINE, makeLogScanner, makeTransactions, TransactionsState } from "@leasehold/dnsmasq"
import {
  type DhcpEvent,
  type EventKind,
  observedId,
  parseTimestamp,
  sanitizeText,
  type ServerId,
  Timestamp,
  timestampFromMillis
} from "@leasehold/events"
import { Option, Schema } from "effect"
import { type EventClock, makeEventClock } from "./EventClock.ts"
import type { Loss } from "./sources/LogFile/Incarnations.ts"
import type { Lines } from "./sources/LogFile.ts"
import { kindOf, toEvent } from "./toEvent.ts"

/** What must survive a restart for the events to come out the same. */
export const LogEventsState = Schema.Struct({
  /** Last time given, by incarnation; newest last. */
  clocks: Schema.Array(Schema.Struct({ source: Schema.String, last: Schema.toEncoded(Timestamp) })),
  transactions: TransactionsState
})
export type LogEventsState = typeof LogEventsState.Type

export interface LogEventsOptions {
  readonly server: ServerId
  /** As configured: a rotated file has the path that it was written under. */
  readonly path: string
  readonly zone: string
  readonly state: LogEventsState | undefined
}

/** What a chunk held, beside its events. */
export interface Tally {
  readonly lines: number
  /** Lines of dnsmasq-dhcp, events or not. */
  readonly recognised: number
  /** Lines of dnsmasq-dhcp that no rule knows. */
  readonly unknown: ReadonlyArray<string>
  /** Messages that lack what an event of their kind requires. */
  readonly incomplete: number
}

/** Incarnations whose times are remembered. */
const mostClocks = 8
const newline = 10
const tag = "dnsmasq-dhcp"

export const makeLogEvents = ({ path, server, state, zone }: LogEventsOptions) => {
  let scannedAs = zone
  const transactions = makeTransactions()
  const clocks = new Map<string, EventClock>()
  const readingClock = makeEventClock()
  const provenancePath = sanitizeText(path)
  let knownText = ""
  let knownTime: Timestamp | undefined

  if (state !== undefined) {
    transactions.restore(state.transactions)
    for (const { last, source } of state.clocks) {
      clocks.set(source, makeEventClock(Option.getOrUndefined(parseTimestamp(last))))
    }
  }

  /** A scanner that goes on where the last event was. */
  const scannerIn = (name: string) => {
    const last = [...clocks.values()].at(-1)?.last()
    return makeLogScanner({ zone: name, ...(last === undefined ? {} : { previous: Date.parse(last) }) })
  }

  let scanner = scannerIn(zone)

  const clockOf = (source: string): EventClock => {
    const known = clocks.get(source)
    if (known !== undefined) return known
    // The second in which a file was rotated goes on in the next one.
    const clock = makeEventClock([...clocks.values()].at(-1)?.last())
    clocks.set(source, clock)
    for (const oldest of clocks.keys()) {
      if (clocks.size <= mostClocks) break
      clocks.delete(oldest)
    }
    return clock
  }

  const timeOf = (text: string): Timestamp | undefined => {
    if (text !== knownText) {
      knownText = text
      knownTime = Option.getOrUndefined(parseTimestamp(text))
    }
    return knownTime
  }

  const lost = ({ position, reason, source, text }: Loss, now: number): DhcpEvent => {
    const from = [...clocks.values()].at(-1)?.last()
    return {
      server,
      kind: "gap",
      id: observedId(server, source, position, reason),
      at: timestampFromMillis(now),
      reason,
      ...(from === undefined ? {} : { from }),
      provenance: {
        source: "log-file",
        path: provenancePath,
        position,
        ...(text === undefined ? {} : { line: sanitizeText(text) })
      }
    }
  }

  /** The scanner passes over lines that dnsmasq cannot have written; one that holds its tag may hide what it did write. */
  const overlong = ({ bytes, offset, source }: Lines, now: number): ReadonlyArray<DhcpEvent> => {
    const found: Array<DhcpEvent> = []
    for (let start = 0; start < bytes.length;) {
      const end = bytes.indexOf(newline, start)
      const line = bytes.subarray(start, end)
      if (line.length > LONGEST_LINE && line.includes(tag)) {
        const reason = "a line was too long to be read"
        found.push(lost({ _tag: "Loss", source, position: offset + start, reason }, now))
      }
      start = end + 1
    }
    return found
  }

  const read = (lines: Lines, now: number): { readonly events: ReadonlyArray<DhcpEvent>; readonly tally: Tally } => {
    const scanned = scanner.scan(lines.bytes, now)
    const clock = clockOf(lines.source)
    const events: Array<DhcpEvent> = []
    const unknown: Array<string> = []
    let incomplete = 0
    for (const { line, offset, record } of scanned.entries) {
      const joined = transactions.join(record)
      const kind: EventKind | undefined = kindOf(joined)
      if (kind === undefined) {
        if (joined.subkind === "unknown") unknown.push(line)
        continue
      }
      const position = lines.offset + offset
      const time = record.at === undefined ? undefined : timeOf(record.at)
      const event = toEvent(
        joined,
        kind,
        server,
        observedId(server, lines.source, position, line),
        time === undefined ? readingClock.stamp(timestampFromMillis(now)) : clock.stamp(time),
        record.pid === undefined
          ? { source: "log-file", path: provenancePath, position, line: sanitizeText(line) }
          : { source: "log-file", path: provenancePath, position, line: sanitizeText(line), pid: record.pid }
      )
      if (event === undefined) incomplete++
      else events.push(event)
    }
    if (scanned.overlong > 0) events.push(...overlong(lines, now))
    return { events, tally: { lines: scanned.lines, recognised: scanned.entries.length, unknown, incomplete } }
  }

  return {
    read,
    lost,
    /** Lines that name no zone are read in this one from now on. */
    useZone: (name: string) => {
      if (name === scannedAs) return
      scannedAs = name
      scanner = scannerIn(name)
    },
    state: (): LogEventsState => ({
      clocks: [...clocks].flatMap(([source, clock]) => {
        const last = clock.last()
        return last === undefined ? [] : [{ source, last }]
      }),
      transactions: transactions.snapshot()
    })
  }
}
export type LogEvents = ReturnType<typeof makeLogEvents>
