/** What a review found, of the registry or of dnsmasq's configuration. */
import { Option } from "effect"
import type { Colour, Column } from "../output/Column.ts"
import { harmless } from "../output/harmless.ts"
import { paint } from "../output/table.ts"
import { formatLocal, parseTime } from "../time.ts"

export type Severity = "note" | "warning" | "error"

export interface Finding {
  readonly severity: Severity
  /** Stable, for scripts. */
  readonly code: string
  /** What it is about: an address, a subnet, a file and line. */
  readonly subject: string
  readonly message: string
  /** What to do about it. */
  readonly advice: string
}

const colours: Readonly<Record<Severity, Colour>> = { error: "red", warning: "yellow", note: "dim" }

export const findingColumns: ReadonlyArray<Column<Finding>> = [
  { key: "severity", value: ({ severity }) => severity, colour: ({ severity }) => colours[severity] },
  { key: "code", value: ({ code }) => code },
  { key: "subject", value: ({ subject }) => subject },
  { key: "message", value: ({ message }) => message },
  { key: "advice", value: ({ advice }) => advice }
]

/** Times that the registry tells in its sentences, as people read them. */
const local = (text: string, zone: string | undefined): string =>
  text.replace(
    /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/gu,
    (time) => Option.match(parseTime(time, 0), { onNone: () => time, onSome: (at) => formatLocal(at, zone) })
  )

/** For people: whole sentences are not for cells of a table. */
export const findingText = (
  { advice, code, message, severity, subject }: Finding,
  colour: boolean,
  zone: string | undefined
): string =>
  [
    `${paint(severity, colours[severity], colour)}  ${harmless(subject)}  ${harmless(code)}`,
    `  ${harmless(local(message, zone))}`,
    ...(advice === "" ? [] : [`  → ${harmless(advice)}`])
  ].join("\n")
