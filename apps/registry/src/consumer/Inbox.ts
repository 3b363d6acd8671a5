/**
 * The messages on their way to this replica: pulled ahead and decoded as they arrive, a bounded number at a time.
 *
 * What JetStream delivers again while nothing can be written does not pile up: no more is asked for than there is room.
 * Plain callbacks and arrays, because every message passes here.
 */
import { decodeMessage, type DhcpEvent, type Rejection } from "@leasehold/events"
import { createInbox, type Msg, nanos, type NatsConnection } from "@nats-io/transport-node"
import { Effect, Result } from "effect"

/** A message without its bytes: those of a whole read would be kept for it. */
export interface Delivery {
  readonly subject: string
  readonly sequence: number
  /** Where JetStream waits for what becomes of it. */
  readonly reply: string
  readonly decoded: Result.Result<DhcpEvent, Undecodable>
}

export interface Undecodable {
  readonly rejection: Rejection
  readonly data: Uint8Array
}

const text = new TextEncoder()
const [ack, nak, term] = [text.encode("+ACK"), text.encode("-NAK"), text.encode("+TERM")]

export interface InboxOptions {
  readonly stream: string
  readonly consumer: string
  /** How many messages are held here at most, those on their way included. */
  readonly capacity: number
}

const expires = 30_000
const heartbeat = 5_000
/** After so long without a word, a request counts as lost. */
const patience = 12_500

interface Request {
  readonly subject: string
  left: number
}

export class Inbox {
  readonly #connection: NatsConnection
  readonly #options: InboxOptions
  readonly #prefix: string
  readonly #subject: string
  readonly #end: () => void
  readonly #requests: Array<Request> = []
  #arrived: Array<Delivery> = []
  #serial = 0
  #heardAt = performance.now()
  #wake: (() => void) | undefined

  constructor(connection: NatsConnection, options: InboxOptions) {
    this.#connection = connection
    this.#options = options
    this.#prefix = createInbox()
    this.#subject = `$JS.API.CONSUMER.MSG.NEXT.${options.stream}.${options.consumer}`
    const subscription = connection.subscribe(`${this.#prefix}.*`, { callback: (_, message) => this.#hear(message) })
    const timer = setInterval(() => this.#lookAfterRequests(), 1_000)
    this.#end = () => {
      clearInterval(timer)
      subscription.unsubscribe()
    }
    this.#pull()
  }

  /** What has arrived, at most so many; waits until there is something. */
  take(max: number): Effect.Effect<ReadonlyArray<Delivery>> {
    return Effect.callback<ReadonlyArray<Delivery>>((resume) => {
      const give = () => {
        this.#wake = undefined
        const taken = this.#arrived.length <= max ? this.#arrived : this.#arrived.slice(0, max)
        this.#arrived = this.#arrived.length <= max ? [] : this.#arrived.slice(max)
        this.#pull()
        resume(Effect.succeed(taken))
      }
      if (this.#arrived.length > 0) return give()
      this.#wake = give
      return Effect.sync(() => {
        this.#wake = undefined
      })
    })
  }

  /** It is done. */
  acknowledge(delivery: Delivery): void {
    this.#answer(delivery, ack)
  }

  /** It is to be delivered again at once, perhaps to another replica. */
  giveBack(delivery: Delivery): void {
    this.#answer(delivery, nak)
  }

  /** It is never to be delivered again. */
  terminate(delivery: Delivery): void {
    this.#answer(delivery, term)
  }

  #answer({ reply }: Delivery, answer: Uint8Array): void {
    if (!this.#connection.isClosed()) this.#connection.publish(reply, answer)
  }

  /** Everything on its way may be lost: asks again. */
  renew(): void {
    this.#requests.length = 0
    this.#heardAt = performance.now()
    this.#pull()
  }

  /** Ends it, and gives what has not been taken back, so that another replica has it at once. */
  close(): void {
    this.#end()
    this.#arrived.splice(0).forEach((delivery) => this.giveBack(delivery))
  }

  #pull(): void {
    const { capacity } = this.#options
    const asked = this.#requests.reduce((sum, { left }) => sum + left, 0)
    const room = capacity - this.#arrived.length - asked
    if (room < capacity / 2 || this.#connection.isClosed()) return
    const subject = `${this.#prefix}.${++this.#serial}`
    this.#requests.push({ subject, left: room })
    this.#connection.publish(
      this.#subject,
      JSON.stringify({ batch: room, expires: nanos(expires), idle_heartbeat: nanos(heartbeat) }),
      { reply: subject }
    )
  }

  #hear(message: Msg): void {
    this.#heardAt = performance.now()
    if (message.subject.startsWith(this.#prefix)) {
      // A heartbeat (100) says that the request lives; everything else ends it.
      const index = this.#requests.findIndex(({ subject }) => subject === message.subject)
      if (message.headers?.code === 100 || index < 0) return
      this.#requests.splice(index, 1)
      // A consumer that is gone answers at once: asking again at once would be a storm. The timer does.
      if (message.headers?.code === 404 || message.headers?.code === 408) this.#pull()
      return
    }
    const [first] = this.#requests
    if (first !== undefined && --first.left <= 0) this.#requests.shift()
    this.#arrived.push(decode(message))
    this.#pull()
    this.#wake?.()
  }

  #lookAfterRequests(): void {
    if (this.#requests.length > 0 && performance.now() - this.#heardAt > patience) this.#requests.length = 0
    this.#pull()
  }
}

/** `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<nanoseconds>.<pending>`, or with domain and account. */
const decode = (message: Msg): Delivery => {
  const { subject, reply = "" } = message
  const tokens = reply.split(".")
  const skipped = tokens.length > 9 ? 2 : 0
  const sequence = Number(tokens[5 + skipped])
  return {
    subject,
    sequence,
    reply,
    decoded: Result.mapError(
      decodeMessage({
        subject,
        data: message.string(),
        sequence,
        time: Number((tokens[7 + skipped] ?? "").slice(0, -3)),
        header: (name) => message.headers?.get(name)
      }),
      (rejection) => ({ rejection, data: message.data.slice() })
    )
  }
}
