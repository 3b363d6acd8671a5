/** What of a file that is in use is not as it was wanted: reservations that we left out, and lines that dnsmasq skipped. */
import { type LineRefused } from "../proofs/logLine.ts"
import { type LeftOut } from "./selectRows.ts"
import { lineOf } from "./lineOf.ts"

const shown = 10

export const shortfallsOf = (
  content: Buffer,
  leftOut: ReadonlyArray<LeftOut>,
  refused: ReadonlyArray<LineRefused>
): ReadonlyArray<string> => [
  ...leftOut.map(({ id, rule }) => `reservation ${id} is left out: ${rule}`),
  ...refused.map(({ line, message }) => `dnsmasq skipped ${lineOf(content, line)}: ${message}`)
]

/** The first of them as one text; null when there are none. */
export const noteOf = (shortfalls: ReadonlyArray<string>): string | null =>
  shortfalls.length === 0
    ? null
    : [
      ...shortfalls.slice(0, shown),
      ...(shortfalls.length > shown ? [`and ${shortfalls.length - shown} more`] : [])
    ].join("; ")
