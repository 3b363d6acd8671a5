/**
 * The events of one source on their way to a stream: sent ahead of their acknowledgements, up to a bound, in order.
 *
 * What was not acknowledged is kept and sent again under the same id, from the oldest on, after a lost connection or a
 * refusal; the server drops what it has already. Acknowledgements come in any order: only those without an open one
 * before them count. Plain functions without Effect, for they run once a message.
 */
import { decodeMessage, type DhcpEvent } from "@leasehold/events"
import { createInbox, type Msg, MsgHdrsImpl, type NatsConnection } from "@nats-io/transport-node"
import { Result } from "effect"
import { type Acknowledgement, readAcknowledgement } from "./acknowledgement.ts"
import { makeMessageRing } from "./MessageRing.ts"
import { lastStep, shorten } from "./shorten.ts"

export interface WindowLimits {
  readonly messages: number
  readonly bytes: number
  /** Largest message to try, headers and all; larger ones are shortened before they are sent. */
  readonly messageBytes: number
}

/** What happened, for those who count and log. */
export interface WindowEvents {
  readonly refused: (reason: string, noStream: boolean) => void
  readonly shortened: () => void
  /** Not even the gap in its place was taken. */
  readonly dropped: (subject: string) => void
  /** There is room again, or more is acknowledged. */
  readonly moved: () => void
}

export interface PublishWindow {
  /** Takes an event and sends it when it may. Ask for room before. */
  readonly offer: (event: DhcpEvent) => void
  readonly hasRoom: () => boolean
  /** Whether there is room for quite a few. */
  readonly isSlack: () => boolean
  /** How many events were offered, ever. */
  readonly offered: () => number
  /** How many of these are acknowledged without one before them that is not. */
  readonly acknowledged: () => number
  readonly duplicates: () => number
  /** Sends nothing until `resume`. */
  readonly pause: () => void
  /** Sends again everything that is not acknowledged, oldest first. */
  readonly resume: () => void
  readonly close: () => void
}

/** Headers that are encoded already. */
class EncodedHeaders extends MsgHdrsImpl {
  bytes: Uint8Array = new Uint8Array(0)
  override encode(): Uint8Array {
    return this.bytes
  }
}

export const makePublishWindow = (
  connection: NatsConnection,
  limits: WindowLimits,
  events: WindowEvents
): PublishWindow => {
  const ring = makeMessageRing(limits)
  const stored = new Uint8Array(limits.messages)
  const steps = new Uint8Array(limits.messages)
  const headers = new EncodedHeaders()
  let unsent = 0
  let duplicates = 0
  let sending = true

  const settle = (number: number) => {
    stored[number % limits.messages] = 1
    if (number !== ring.oldest()) return
    while (ring.oldest() < ring.end() && stored[ring.oldest() % limits.messages] === 1) ring.release()
    if (unsent < ring.oldest()) unsent = ring.oldest()
    events.moved()
  }

  /** Makes the message a step smaller; when it cannot be, gives up on it. */
  const reduce = (number: number): boolean => {
    const { body, subject } = ring.get(number)
    const step = (steps[number % limits.messages] ?? 0) + 1
    const event = decodeMessage({ subject, data: Buffer.from(body).toString(), sequence: 0, time: Infinity })
    // A gap can be larger than an event without descriptions: larger than what is too large already.
    if (step > lastStep || Result.isFailure(event) || !ring.replace(number, shorten(event.success, step))) {
      events.dropped(subject)
      settle(number)
      return false
    }
    steps[number % limits.messages] = step
    events.shortened()
    return true
  }

  const send = (number: number): void => {
    for (;;) {
      const message = ring.get(number)
      headers.bytes = message.headers
      const sent = Result.try(() =>
        connection.publish(message.subject, message.body, { headers, reply: `${inbox}${number}` })
      )
      if (Result.isSuccess(sent)) return
      // Larger than the connection carries; any other failure means that it is being closed.
      if (!String(sent.failure).includes("max_payload") || !reduce(number)) return
    }
  }

  const sendOn = () => {
    if (!sending) return
    while (unsent < ring.end()) {
      const number = unsent++
      if (stored[number % limits.messages] === 0) send(number)
    }
  }

  const receive = (number: number, answer: Acknowledgement) => {
    if (!(number >= ring.oldest() && number < ring.end()) || stored[number % limits.messages] === 1) return
    switch (answer._tag) {
      case "Stored":
        if (answer.duplicate) duplicates++
        return settle(number)
      case "TooLarge":
        if (reduce(number)) send(number)
        return
      case "Refused":
        return events.refused(answer.reason, answer.noStream)
    }
  }

  const inbox = `${createInbox()}.`
  const subscription = connection.subscribe(`${inbox}*`, {
    callback: (error: Error | null, message: Msg) => {
      if (error === null) receive(Number(message.subject.slice(inbox.length)), readAcknowledgement(message))
      else events.refused(error.message, false)
    }
  })

  return {
    offer: (event) => {
      const slot = ring.end() % limits.messages
      stored[slot] = 0
      steps[slot] = 0
      for (let step = 0; !ring.add(shorten(event, step)); step++) {
        steps[slot] = step + 1
        events.shortened()
      }
      sendOn()
    },
    hasRoom: ring.hasRoom,
    isSlack: ring.isSlack,
    offered: ring.end,
    acknowledged: ring.oldest,
    duplicates: () => duplicates,
    pause: () => {
      sending = false
    },
    resume: () => {
      sending = true
      unsent = ring.oldest()
      sendOn()
    },
    close: () => subscription.unsubscribe()
  }
}
