/**
 * What the line before had around its message. A log repeats it within a second, but for the fraction of the second, so
 * that most lines need not be read from their beginning. Plain code, for the hot path.
 */
import { skipSpaces, SPACE } from "../tokens.ts"
import type { Frame } from "./Frame.ts"
import { withFraction } from "./stamps.ts"
import { fractionEnd } from "./stampShapes.ts"

export interface Repetition {
  /** -1 when the tag has none. */
  readonly pid: number
  /** Remembers a line of dnsmasq-dhcp that has a time. */
  keep(line: string, frame: Frame, second: string | undefined): void
  forget(): void
  /** Where the message begins, when all before it is as in the line that is remembered; else -1. */
  messageOf(line: string): number
  /** The time of a line whose message was found. */
  at(line: string): string | undefined
}

class LastLine implements Repetition {
  pid = -1
  private head = ""
  private tail = ""
  private hasFraction = false
  private second: string | undefined
  /** The time of a line whose second has no fraction. */
  private whole: string | undefined
  private fractionTo = 0

  keep(line: string, { counted, message, pid, stamp }: Frame, second: string | undefined): void {
    this.forget()
    // Without the blank the next message could begin within the tag, and a count is of one line alone.
    if (counted || line.charCodeAt(message - 1) !== SPACE) return
    this.head = line.slice(0, stamp.fraction)
    this.tail = line.slice(stamp.fractionTo, message)
    this.hasFraction = stamp.fractionTo > stamp.fraction
    this.second = second
    this.whole = second === undefined ? undefined : withFraction(second, "", 0, 0)
    this.pid = pid
  }

  forget(): void {
    this.head = ""
  }

  messageOf(line: string): number {
    const { head, tail } = this
    if (head === "" || !line.startsWith(head)) return -1
    const to = fractionEnd(line, head.length)
    if (to > head.length !== this.hasFraction || !line.startsWith(tail, to)) return -1
    this.fractionTo = to
    return skipSpaces(line, to + tail.length)
  }

  at(line: string): string | undefined {
    if (!this.hasFraction || this.second === undefined) return this.whole
    return withFraction(this.second, line, this.head.length, this.fractionTo)
  }
}

export const makeRepetition = (): Repetition => new LastLine()
