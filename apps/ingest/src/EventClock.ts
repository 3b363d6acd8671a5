/**
 * Gives the events of one source times in strict order, for a log may have only seconds.
 *
 * A line whose time is not after the one before is put a microsecond behind it: lines of one second are numbered, and a
 * clock that steps back by less than a second does not turn the order of events around. One that steps back further is
 * believed. The same lines after the same last time get the same times again.
 */
import { type Timestamp, timestampFromMicros, timestampToMicros } from "@leasehold/events"

const tolerance = 1_000_000

export interface EventClock {
  readonly stamp: (at: Timestamp) => Timestamp
  readonly last: () => Timestamp | undefined
}

export const makeEventClock = (begin?: Timestamp): EventClock => {
  let last = begin
  return {
    stamp: (at) => {
      // Times of this width sort as texts.
      if (last !== undefined && at <= last) {
        const micros = timestampToMicros(last)
        if (timestampToMicros(at) >= micros - tolerance) return last = timestampFromMicros(micros + 1)
      }
      return last = at
    },
    last: () => last
  }
}
