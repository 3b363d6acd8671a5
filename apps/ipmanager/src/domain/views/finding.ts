/** What a review found, of the registry or of dnsmasq's configuration. */
import type { Colour, Column } from "../output/Column.ts"
import { harmless } from "../output/harmless.ts"
import { paint } from "../output/table.ts"

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

/** For people: whole sentences are not for cells of a table. */
export const findingText = ({ advice, code, message, severity, subject }: Finding, colour: boolean): string =>
  [
    `${paint(severity, colours[severity], colour)}  ${harmless(subject)}  ${harmless(code)}`,
    `  ${harmless(message)}`,
    ...(advice === "" ? [] : [`  → ${harmless(advice)}`])
  ].join("\n")
