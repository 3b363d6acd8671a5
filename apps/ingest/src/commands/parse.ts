/**
 * `ingest parse FILE`: shows what the grammar makes of a log, one JSON object per event on stdout, a summary on stderr.
 *
 * Publishes nothing. Reads a log of any size piece by piece, no faster than its output is taken; ends quietly when the
 * reader of its output does.
 */
import { isZone, type JoinedRecord, makeLogReader, makeTransactions, type NumberedEntry } from "@leasehold/dnsmasq"
import {
  Clock,
  Console,
  Effect,
  FileSystem,
  Option,
  type PlatformError,
  Predicate,
  Schema,
  Stdio,
  Stream
} from "effect"
import { Argument, CliError, Command, Flag } from "effect/cli"
import { createReadStream } from "node:fs"
import { whyNoLog } from "./parse/binaryFormat.ts"

const chunkSize = 262_144
const mostSamples = 5
const longestSample = 160

/** The file cannot be opened or read. */
export class UnreadableLog extends Schema.TaggedError<UnreadableLog>()("UnreadableLog", {
  path: Schema.String,
  why: Schema.String
}) {
  override get message() {
    return `cannot read ${this.path}: ${this.why}`
  }
  override get [CliError.userMessage]() {
    return this.message
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EISDIR: "it is a directory",
  ENOENT: "there is no such file",
  ENOTDIR: "a part of its path is no directory"
}

const codeOf = (cause: unknown): string => (Predicate.hasProperty(cause, "code") ? String(cause.code) : "")

const whyUnreadable = (cause: unknown): string =>
  reasons[codeOf(cause)] ?? (Predicate.isError(cause) ? cause.message : String(cause))

const unreadable = (path: string) => (error: PlatformError.PlatformError) =>
  new UnreadableLog({ path, why: whyUnreadable(error.reason.cause ?? error) })

/** What the line itself says first, then what other lines of its transaction said. */
const render = (line: number, record: JoinedRecord): string => {
  const { at, kind, subkind: _, text: __, ...fields } = record
  return `${JSON.stringify({ line, kind, at, ...fields })}\n`
}

const increment = (counts: Map<string, number>, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1)

const listed = (counts: Map<string, number>) =>
  [...counts].sort(([, a], [, b]) => b - a).map(([key, count]) => `${key} ${count}`).join(", ")

const total = (counts: Map<string, number>) => [...counts.values()].reduce((sum, count) => sum + count, 0)

/** Takes entries, gives the lines to print, and remembers what the summary needs. Plain code: it runs once a line. */
const makeTally = () => {
  const transactions = makeTransactions()
  const events = new Map<string, number>()
  const others = new Map<string, number>()
  const samples: Array<string> = []
  let entries = 0

  const take = ({ entry: { line, record }, line: number }: NumberedEntry): string => {
    entries++
    const joined = transactions.join(record)
    if (joined.kind !== null && joined.kind !== "other") {
      increment(events, joined.kind)
      return render(number, joined)
    }
    const subkind = joined.subkind ?? "unknown"
    increment(others, subkind)
    if ((subkind === "unknown" || subkind === "truncated") && samples.length < mostSamples) {
      samples.push(`line ${number}: ${line.slice(0, longestSample)}`)
    }
    return ""
  }

  const summary = (lines: number, overlong: number): ReadonlyArray<string> => {
    const unknown = others.get("unknown") ?? 0
    others.delete("unknown")
    return [
      `lines    ${lines}`,
      `events   ${total(events)}${events.size === 0 ? "" : `: ${listed(events)}`}`,
      `other    ${total(others)}${others.size === 0 ? "" : `: ${listed(others)}`}`,
      `noise    ${lines - entries}: DNS, other programs${overlong === 0 ? "" : `, ${overlong} too long to be read`}`,
      `unknown  ${unknown}`,
      ...samples.map((sample) => `         ${sample}`),
      ...(lines > 0 && entries === 0
        ? ["warning: not one line of dnsmasq-dhcp: is this its log?"]
        : lines > 0 && events.size === 0
        ? ["warning: no DHCP message: does dnsmasq run with quiet-dhcp, or in another language than English?"]
        : [])
    ]
  }

  return { take, summary }
}

const machineZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone

/** When the log was written last: the "now" that its times without a year are read against. */
const writtenAt = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const { mtime } = yield* fs.stat(path).pipe(Effect.mapError(unreadable(path)))
  return Option.isSome(mtime) ? mtime.value.getTime() : yield* Clock.currentTimeMillis
})

/** Not by the FileSystem's stream, which asks for positions: a pipe has none. */
const bytesOf = (path: string) =>
  Stream.fromAsyncIterable(
    createReadStream(path, { highWaterMark: chunkSize }),
    (cause) => new UnreadableLog({ path, why: whyUnreadable(cause) })
  )

const isClosedPipe = (error: PlatformError.PlatformError) =>
  ["EPIPE", "ERR_STREAM_DESTROYED"].includes(codeOf(error.reason.cause))

/** The events of a log, printed. */
export const parseLog = Effect.fn("parse")(function*(
  path: string,
  options: { readonly zone: Option.Option<string>; readonly year: Option.Option<number> }
) {
  const stdio = yield* Stdio.Stdio
  const reference = path === "-" ? yield* Clock.currentTimeMillis : yield* writtenAt(path)
  const reader = makeLogReader({
    zone: Option.getOrElse(options.zone, machineZone),
    reference,
    ...(Option.isSome(options.year) ? { year: options.year.value } : {})
  })
  const tally = makeTally()
  const print = (entries: ReadonlyArray<NumberedEntry>) => entries.map(tally.take).join("")

  let begun = false
  const read = (chunk: Uint8Array) => {
    const why = begun ? undefined : whyNoLog(chunk)
    begun = true
    return why === undefined ? Effect.succeed(print(reader.read(chunk))) : Effect.fail(new UnreadableLog({ path, why }))
  }

  const bytes = path === "-" ? Stream.mapError(stdio.stdin, unreadable(path)) : bytesOf(path)
  const printed = yield* bytes.pipe(
    Stream.mapEffect(read),
    Stream.concat(Stream.fromEffect(Effect.sync(() => print(reader.end())))),
    Stream.filter((text) => text !== ""),
    Stream.run(stdio.stdout()),
    Effect.as(true),
    Effect.catchIf(
      (error) => error._tag === "PlatformError" && isClosedPipe(error),
      () => Effect.succeed(false)
    )
  )
  if (!printed) return
  const { lines, overlong } = reader.counts()
  yield* Console.error(tally.summary(lines, overlong).join("\n"))
})

const Zone = Schema.String.check(
  Schema.makeFilter((name) =>
    isZone(name) ? undefined : `a time zone such as Europe/Berlin, not ${JSON.stringify(name)}`
  )
)

const Year = Schema.Int.check(Schema.isBetween({ minimum: 1970, maximum: 2199 }))

export const parse = Command.make("parse", {
  file: Argument.String("file").pipe(Argument.withDescription("A log that dnsmasq's messages are in; - is stdin")),
  zone: Flag.String("zone").pipe(
    Flag.withSchema(Zone),
    Flag.withDescription("Time zone of times that name none (default: this machine's)"),
    Flag.optional
  ),
  year: Flag.Int("year").pipe(
    Flag.withSchema(Year),
    Flag.withDescription("Year of the first time that has none (default: the latest that fits the file's age)"),
    Flag.optional
  )
}, ({ file, year, zone }) => parseLog(file, { zone, year })).pipe(
  Command.withDescription("Show what the grammar makes of a log: one JSON object per event, and a summary on stderr")
)
