/**
 * Copies what was refused to `REJECTED`: the original body, and in headers the reason and where it came from.
 *
 * A copy that is made twice is stored once.
 */
import { REJECTED, rejectedSubject, type Rejection, ServerId, serverOfSubject } from "@leasehold/events"
import { attemptNats } from "@leasehold/runtime"
import type { JetStreamClient } from "@nats-io/jetstream"
import { headers } from "@nats-io/transport-node"
import { Option } from "effect"

export interface Refused {
  readonly subject: string
  readonly data: Uint8Array
  readonly rejection: Rejection
  /** What names the copy; the same message always gets the same. */
  readonly id: string
  readonly sequence?: number
}

const unknown = ServerId.make("unknown")

/** Header values are one line of what people can read. */
const line = (text: string): string => text.replace(/[^\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd]/gu, "\uFFFD").slice(0, 500)

export const reject = (jetstream: JetStreamClient, { data, id, rejection, sequence, subject }: Refused) => {
  const about = headers()
  about.set("Leasehold-Field", line(rejection.field))
  about.set("Leasehold-Expected", line(rejection.expected))
  about.set("Leasehold-Actual", line(rejection.actual))
  about.set("Leasehold-Subject", line(subject))
  if (sequence !== undefined) about.set("Leasehold-Sequence", String(sequence))
  const server = Option.getOrElse(serverOfSubject(subject), () => unknown)
  return attemptNats(
    `publish to ${REJECTED.name}`,
    () => jetstream.publish(rejectedSubject(server), data, { msgID: id, headers: about })
  )
}
