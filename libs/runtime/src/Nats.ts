/**
 * The connection to NATS, and the streams of the bus.
 *
 * The connection is kept for ever: it waits for a server that is not there yet and comes back whenever one is, also to one
 * that turned it away meanwhile. Whoever starts first creates the streams; an existing stream gets the limits of this
 * version but keeps its replicas and storage. A user that may not manage streams leaves that to the others.
 */
import { type StreamDefinition, streams } from "@leasehold/events"
import { type JetStreamManager, jetstreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream"
import { connect, nanos, type NatsConnection, type NodeConnectionOptions } from "@nats-io/transport-node"
import { Context, Effect, Layer, Schedule, Schema, Stream } from "effect"
import { explain } from "./explain.ts"
import { NatsConfig, optionsOf, withoutSecret } from "./Nats/NatsConfig.ts"

export { NatsConfig } from "./Nats/NatsConfig.ts"

export class NatsError extends Schema.TaggedError<NatsError>()("NatsError", {
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `${this.operation}: ${explain(this.cause)}`
  }
}

/** A promise of the client as an effect whose failure says which operation it was. */
export const attemptNats = <A>(operation: string, run: () => Promise<A>): Effect.Effect<A, NatsError> =>
  Effect.tryPromise({ try: run, catch: (cause) => new NatsError({ operation, cause }) })

export class Nats extends Context.Service<Nats, {
  readonly connection: NatsConnection
  readonly manager: JetStreamManager
  /** Fails when the connection has ended for good, which nothing but a fault does: there is no going on without it. */
  readonly closed: Effect.Effect<never, NatsError>
  /** Fails with what is wrong where the server does not answer, or turns us away. */
  readonly health: Effect.Effect<void, string>
}>()("runtime/Nats") {
  static readonly layer = (name: string) =>
    Layer.effect(
      Nats,
      Effect.gen(function*() {
        const config = yield* NatsConfig
        // Said before, because a server that is not there is waited for.
        yield* Effect.logInfo("connecting to nats", { servers: config.servers.map(withoutSecret) })
        const connection = yield* Effect.acquireRelease(
          connectTo(optionsOf(name, config)),
          (connection) => Effect.promise(() => connection.close().catch(() => undefined)),
          // A daemon must be able to end while the bus was never there.
          { interruptible: true }
        )
        yield* Effect.logInfo("connected to nats", { server: connection.getServer() })
        const refusals = new Set<string>()
        yield* reportStatus(connection, refusals).pipe(Effect.forkScoped)
        const manager = yield* attemptNats("open jetstream", () => jetstreamManager(connection)).pipe(
          Effect.tapError(tellOnce("cannot open jetstream")),
          Effect.retry(untilAvailable)
        )
        yield* ensureStreams(manager, config.replicas)
        const closed = Effect.flatMap(attemptNats("stay connected", () => connection.closed()), (error) =>
          new NatsError({ operation: "stay connected", cause: error ?? new Error("the connection was closed") }))
        const health = attemptNats("ask", () =>
          connection.rtt()).pipe(
            Effect.timeout("2 seconds"),
            Effect.mapError(() =>
              `nats: ${[...refusals].at(-1) ?? "does not answer"}`
            ),
            Effect.asVoid
          )
        return Nats.of({ connection, manager, closed, health })
      })
    )
}

/** More different reasons than this are not told. */
const mostReasons = 50

/** Tells each reason why something fails that is tried again, once. */
const tellOnce = (message: string, about: object = {}) => {
  const reasons = new Set<string>()
  return ({ cause }: NatsError) => {
    const problem = explain(cause)
    if (reasons.has(problem) || reasons.size === mostReasons) return Effect.void
    reasons.add(problem)
    return Effect.logWarning(`${message}, trying again`, { ...about, problem })
  }
}

/**
 * The client waits for a server, but without a word: meanwhile a second one that does not wait finds out why there is none.
 * Were the first told not to wait, it would forget for good the servers that are away now.
 */
const connectTo = (options: NodeConnectionOptions) => {
  const open = (waitOnFirstConnect: boolean) =>
    Effect.tryPromise({
      try: async (signal) => {
        const connection = await connect({ ...options, waitOnFirstConnect })
        // Nobody waits for it any more.
        if (signal.aborted) await connection.close()
        return connection
      },
      catch: (cause) => new NatsError({ operation: "connect", cause })
    })
  const why = Effect.flatMap(open(false), (connection) => Effect.promise(() => connection.close())).pipe(
    Effect.catch(tellOnce("cannot connect to nats")),
    Effect.delay("1 second"),
    Effect.forever
  )
  return Effect.raceFirst(open(true), why)
}

/** Capped at two seconds and without end: a bus that is away is waited for. */
export const untilAvailable = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("2 seconds")]).pipe(
  Schedule.jittered
)

const statusOf = (connection: NatsConnection) =>
  Stream.orDie(
    Stream.fromAsyncIterable(connection.status(), (cause) => new NatsError({ operation: "status", cause }))
  )

/** Each loss and each return, once. The client itself tells of every attempt that fails, and then of as many returns. */
export const presence = (connection: NatsConnection): Stream.Stream<"lost" | "back"> =>
  statusOf(connection).pipe(
    Stream.filter(({ type }) => type === "disconnect" || type === "reconnect"),
    Stream.map(({ type }) => type === "disconnect" ? "lost" as const : "back" as const),
    Stream.changes
  )

/** @param refusals why the server turned us away since it was lost */
const reportStatus = (connection: NatsConnection, refusals: Set<string>) => {
  let isAway = false
  return Stream.runForEach(statusOf(connection), (status) => {
    if (status.type === "disconnect" && !isAway) {
      isAway = true
      return Effect.logWarning("lost nats", { server: status.server })
    }
    if (status.type === "reconnect" && isAway) {
      isAway = false
      refusals.clear()
      return Effect.logInfo("back at nats", { server: status.server })
    }
    if (status.type !== "error" || !isAway || refusals.has(status.error.message)) return Effect.void
    refusals.add(status.error.message)
    return Effect.logWarning("nats turns us away, trying again", { problem: status.error.message })
  })
}

const limits = (stream: StreamDefinition) => ({
  description: stream.description,
  subjects: [...stream.subjects],
  max_age: nanos(stream.maxAgeDays * 86_400_000),
  max_msg_size: stream.maxMessageSize,
  duplicate_window: nanos(stream.duplicateWindowMinutes * 60_000)
})

const notFound = (error: Error) => error.name === "StreamNotFoundError" || /stream not found/iu.test(error.message)

/** Creates the stream where it is missing, and brings the limits of an existing one up to date. */
const ensureStream = async (manager: JetStreamManager, stream: StreamDefinition, replicas: number): Promise<void> => {
  const wanted = limits(stream)
  const existing = await manager.streams.info(stream.name).catch((error: Error) => {
    if (notFound(error)) return undefined
    throw error
  })
  if (existing === undefined) {
    await manager.streams.add({
      name: stream.name,
      ...wanted,
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      num_replicas: replicas
    })
  } else if (
    Object.entries(wanted).some(([key, value]) => String(Reflect.get(existing.config, key)) !== String(value))
  ) {
    await manager.streams.update(stream.name, wanted)
  }
}

const isForbidden = (error: NatsError) => /permissions violation/iu.test(String(error.cause))

/** The streams as this version wants them; safe from several apps at once. */
export const ensureStreams = Effect.fn("Nats.ensureStreams")(function*(manager: JetStreamManager, replicas = 1) {
  for (const stream of streams) {
    const tell = tellOnce("cannot ensure stream", { stream: stream.name })
    yield* attemptNats("ensure stream", () => ensureStream(manager, stream, replicas)).pipe(
      Effect.tapError((error) =>
        isForbidden(error)
          ? Effect.logInfo("streams are managed by others", { stream: stream.name })
          : tell(error)
      ),
      Effect.retry({ schedule: untilAvailable, while: (error) => !isForbidden(error) }),
      Effect.catchIf(isForbidden, () => Effect.void)
    )
  }
})
