/**
 * The facts of `DISCOVERY` about systems, from a sequence on and without end.
 *
 * A consumer for each reader, which asks for more only when what it got was taken: a slow reader holds up nobody and keeps
 * at most a hundred messages here. Broken off, it goes on behind the last message that was taken.
 */
import { DISCOVERY, DiscoveryFact } from "@leasehold/events"
import { attemptNats, NatsError, untilAvailable } from "@leasehold/runtime"
import { DeliverPolicy, jetstream, type JetStreamManager, type JsMsg } from "@nats-io/jetstream"
import type { NatsConnection } from "@nats-io/transport-node"
import { Effect, Option, Schedule, Schema, Stream } from "effect"

const inFlight = 100
const subjects = "discovery.v1.system.*.*"

export type SystemFact = Extract<DiscoveryFact, { readonly nameSource: string }>

export interface Told {
  readonly sequence: number
  /** Undefined where it is none that this version knows. */
  readonly fact: SystemFact | undefined
}

/** The stream was made anew, or does not go back that far any more. */
export class TooOld extends Schema.TaggedError<TooOld>()("TooOld", {}) {}

const whileAway = untilAvailable.pipe(Schedule.while(({ input }) => input instanceof NatsError))

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(DiscoveryFact))

const told = (message: JsMsg): Told => ({
  sequence: message.seq,
  fact: Option.getOrUndefined(
    Option.filter(decode(message.string()), (fact): fact is SystemFact => "nameSource" in fact)
  )
})

export interface StreamState {
  /** When the stream was made. */
  readonly stream: string
  readonly first: number
  readonly last: number
}

export const streamState = (manager: JetStreamManager): Effect.Effect<StreamState, NatsError> =>
  Effect.map(
    attemptNats("ask for the stream", () => manager.streams.info(DISCOVERY.name)),
    ({ created, state }) => ({ stream: created, first: state.first_seq, last: state.last_seq })
  )

/** Fails where messages behind `sequence` are gone. */
export const requireFrom = Effect.fnUntraced(
  function*(manager: JetStreamManager, stream: string, sequence: number) {
    const now = yield* streamState(manager)
    if (now.stream !== stream || sequence < now.first - 1 || sequence > now.last) return yield* new TooOld()
  }
)

/** @param stream when the stream was made that the sequence is of */
export const factsAfter = (
  { connection, manager }: { readonly connection: NatsConnection; readonly manager: JetStreamManager },
  stream: string,
  after: number
): Stream.Stream<Told, TooOld> => {
  let last = after
  const read = Stream.unwrap(Effect.gen(function*() {
    yield* requireFrom(manager, stream, last)
    const messages = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: async (signal) => {
          const consumer = await jetstream(connection).consumers.get(DISCOVERY.name, {
            deliver_policy: DeliverPolicy.StartSequence,
            opt_start_seq: last + 1,
            filter_subjects: subjects
          })
          // Who went away meanwhile releases nothing.
          if (signal.aborted) {
            consumer.delete().catch(() => undefined)
            throw new Error("given up")
          }
          return { consumer, messages: await consumer.consume({ max_messages: inFlight }) }
        },
        catch: (cause) => new NatsError({ operation: "consume facts", cause })
      }),
      ({ consumer, messages }) =>
        Effect.promise(async () => {
          // A bus that does not answer keeps nobody from ending; it forgets the consumer by itself.
          consumer.delete().catch(() => undefined)
          await messages.close().catch(() => undefined)
        }),
      { interruptible: true }
    )
    return Stream.fromAsyncIterable(
      messages.messages,
      (cause) => new NatsError({ operation: "read facts", cause })
    )
  })).pipe(
    Stream.map((message) => {
      last = message.seq
      return told(message)
    }),
    // A consumer that ends by itself was lost.
    Stream.concat(Stream.fail(new NatsError({ operation: "read facts", cause: "the consumer ended" })))
  )
  return Stream.retry(read, whileAway).pipe(Stream.catchTag("NatsError", () => Stream.empty))
}
