/** What is known of a log line before its message is read. */
import { makeStamp, type Stamp } from "./stampShapes.ts"

/** The programs whose lines mean something here. */
export type Writer = "none" | "dhcp" | "dns" | "rsyslogd" | "journald"

/** What is known of a line before its message is read. Reused from line to line: nothing may keep it. */
export interface Frame {
  writer: Writer
  /** Where the tag begins. */
  tag: number
  /** Where the message begins. */
  message: number
  /** -1 when the tag has none. */
  pid: number
  /** The sender counted the line's bytes, */
  counted: boolean
  /** and counted more than it has. */
  cut: boolean
  readonly stamp: Stamp
}

export const makeFrame = (): Frame => ({
  writer: "none",
  tag: 0,
  message: 0,
  pid: -1,
  counted: false,
  cut: false,
  stamp: makeStamp()
})

/** Says that nothing is known of a line. */
export const clearFrame = (frame: Frame): void => {
  frame.writer = "none"
  frame.counted = false
  frame.cut = false
  frame.stamp.shape = "none"
}
