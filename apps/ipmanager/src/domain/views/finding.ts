/** What a review found, of the registry or of dnsmasq's configuration. */
import type { Colour, Column } from "../output/Column.ts"

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
