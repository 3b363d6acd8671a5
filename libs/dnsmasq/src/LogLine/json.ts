/**
 * Log lines that are JSON objects: `journalctl -o json` and rsyslog's JSON templates. The field that names the program
 * decides, as the tag does elsewhere; a line that is not one whole object is nothing.
 */
import { Option, Predicate, Schema } from "effect"
import { digitsEnd } from "../tokens.ts"
import type { Writer } from "./Frame.ts"
import { fromEpoch } from "./stamps.ts"

/** What a JSON line gives. `framed`: the message brings its own tag, as on a service's standard output. */
export interface JsonLine {
  readonly writer: Writer
  readonly message: string
  readonly framed: boolean
  readonly pid: number
  /** RFC 3339 with microseconds, in UTC. */
  readonly at?: string
  /** A time still to be read. */
  readonly stamp?: string
}

const OPEN_BRACE = 0x7b

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

type Fields = { readonly [name: PropertyKey]: unknown }

const text = (value: unknown): string => (Predicate.isString(value) ? value : "")

const first = (fields: Fields, ...names: ReadonlyArray<string>): string => {
  for (const name of names) if (Predicate.isString(fields[name])) return text(fields[name])
  return ""
}

const isByte = (value: unknown): value is number => Predicate.isNumber(value) && value >= 0 && value <= 255

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })

/** The journal gives a message that is no clean UTF-8 as its bytes. */
const message = (value: unknown): string =>
  Array.isArray(value) && value.every(isByte) ? utf8.decode(Uint8Array.from(value)) : text(value)

const writers: Readonly<Record<string, Writer>> = {
  "dnsmasq-dhcp": "dhcp",
  dnsmasq: "dns",
  rsyslogd: "rsyslogd",
  "systemd-journald": "journald"
}

const writerOf = (name: string): Writer => (Object.hasOwn(writers, name) ? writers[name] ?? "none" : "none")

const pidOf = (value: string): number => (digitsEnd(value, 0, 10) === value.length ? Number(value) : -1)

const microseconds = (value: string): string | undefined =>
  digitsEnd(value, 0, 18) === value.length ? fromEpoch(value.slice(0, -6), value.slice(-6)) : undefined

/** The fields of one entry of the journal. */
export const ofJournal = (fields: Fields): JsonLine => {
  const at = microseconds(first(fields, "_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP"))
  const writer = writerOf(text(fields["SYSLOG_IDENTIFIER"]))
  return {
    writer,
    message: message(fields["MESSAGE"]),
    // Only the journal itself sets fields with an underscore, so a client's words cannot claim this.
    framed: writer === "dns" && fields["_TRANSPORT"] === "stdout" && fields["_COMM"] === "dnsmasq",
    pid: pidOf(first(fields, "SYSLOG_PID", "_PID")),
    ...(at === undefined ? {} : { at })
  }
}

/** `{"ts":…,"tag":"dnsmasq-dhcp:","app":"dnsmasq-dhcp","procid":"32409","msg":" DHCP…"}` and its usual variants. */
const ofTemplate = (fields: Fields): JsonLine => {
  const tag = /^([^[\]:]*)(?:\[(\d{1,10})\])?:?$/.exec(first(fields, "tag", "syslogtag"))
  const name = first(fields, "app", "app-name", "appname", "programname", "program") || (tag?.[1] ?? "")
  const pid = pidOf(first(fields, "procid", "pid"))
  const stamp = first(fields, "ts", "@timestamp", "timestamp", "timereported", "time")
  return {
    writer: writerOf(name),
    message: first(fields, "msg", "message"),
    framed: false,
    pid: pid === -1 && tag?.[2] !== undefined ? Number(tag[2]) : pid,
    ...(stamp === "" ? {} : { stamp })
  }
}

/** What is in every line that matters; most lines of a journal are other programs' and need not be decoded. */
const MARKS = ["dnsmasq-dhcp", "overflow: ", "rate-limiting", "Suppressed "]

/** What stands before an object in `journalctl -o json-sse` and `-o json-seq`, whose control character is replaced. */
const PREFIXES = ["\ufeff", "data: ", "\ufffd"]

/** Where the object begins in a line that is one; -1 in every other. */
export const objectStart = (line: string): number => {
  if (line.charCodeAt(0) === OPEN_BRACE) return 0
  for (const prefix of PREFIXES) {
    if (line.startsWith(prefix) && line.charCodeAt(prefix.length) === OPEN_BRACE) return prefix.length
  }
  return -1
}

/** Reads an object; none for one that cannot matter. */
export const readJson = (object: string): Option.Option<JsonLine> =>
  !MARKS.some((mark) => object.includes(mark))
    ? Option.none()
    : decode(object).pipe(
      Option.filter(Predicate.isReadonlyObject),
      Option.map((fields) => ("MESSAGE" in fields ? ofJournal(fields) : ofTemplate(fields)))
    )
