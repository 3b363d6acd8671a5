/**
 * Lets a service of the API be written as effects: each method gets the request and who calls, and fails with `ApiError`.
 *
 * Cancellation and deadlines of the caller interrupt the effect. A defect is logged here, once, with the method; the caller
 * is told that something went wrong and nothing of what it was.
 */
import { create, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf"
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect"
import { BadRequestSchema } from "@leasehold/registry-api"
import { Cause, type Context, Duration, Effect, Exit, Metric, Stream } from "effect"
import { ApiError, type ApiErrorCode, harmless } from "./ApiError.ts"
import type { Caller } from "./Caller.ts"

const codes: Readonly<Record<ApiErrorCode, Code>> = {
  "invalid-argument": Code.InvalidArgument,
  "not-found": Code.NotFound,
  "already-exists": Code.AlreadyExists,
  "failed-precondition": Code.FailedPrecondition,
  "resource-exhausted": Code.ResourceExhausted,
  "aborted": Code.Aborted,
  "out-of-range": Code.OutOfRange,
  "unauthenticated": Code.Unauthenticated,
  "permission-denied": Code.PermissionDenied,
  "deadline-exceeded": Code.DeadlineExceeded,
  "unavailable": Code.Unavailable
}

const longestMessage = 1_000
const mostViolations = 20

export const toConnectError = (error: ApiError): ConnectError => {
  const { code, message, violations } = error
  return new ConnectError(
    // It goes into a trailer, which clients and proxies take only so much of.
    harmless(message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message),
    codes[code],
    undefined,
    violations.length === 0
      ? []
      : [{
        desc: BadRequestSchema,
        value: {
          fieldViolations: violations.slice(0, mostViolations).map(({ description, field }) => ({
            field: harmless(field),
            description: harmless(description)
          }))
        }
      }],
    error
  )
}

/** How a method learns who calls; fails where nobody may. */
export type Authorise = (context: HandlerContext) => Effect.Effect<Caller, ApiError>

export interface Implementing<R> {
  /**
   * A method with one request and one answer.
   * @param run `within`: how long the caller waits for it
   */
  readonly unary: <I extends DescMessage, O extends DescMessage>(
    input: I,
    output: O,
    run: (
      request: MessageShape<I>,
      caller: Caller,
      within: Duration.Duration
    ) => Effect.Effect<MessageInitShape<O>, ApiError, R>,
    longest?: Duration.Duration
  ) => (request: MessageShape<I>, context: HandlerContext) => Promise<MessageShape<O>>
  /** A method whose answer is a stream. It is pulled: who reads slowly holds up nobody else. */
  readonly serverStreaming: <I extends DescMessage, O extends DescMessage>(
    input: I,
    output: O,
    run: (request: MessageShape<I>, caller: Caller) => Stream.Stream<MessageInitShape<O>, ApiError, R>
  ) => (request: MessageShape<I>, context: HandlerContext) => AsyncIterable<MessageShape<O>>
  /** A method whose request is a stream. */
  readonly clientStreaming: <I extends DescMessage, O extends DescMessage>(
    input: I,
    output: O,
    run: (
      requests: Stream.Stream<MessageShape<I>, ApiError>,
      caller: Caller
    ) => Effect.Effect<MessageInitShape<O>, ApiError, R>
  ) => (requests: AsyncIterable<MessageShape<I>>, context: HandlerContext) => Promise<MessageShape<O>>
}

/** How long a call may take, whatever its caller would wait; streams of answers go on for as long as somebody listens. */
const longestUnary = Duration.seconds(60)
/** Of a call that looks at every system. */
export const longestOfAll = Duration.minutes(10)
const longestUpload = Duration.minutes(10)

/** Between two questions whether the caller of a stream still may. */
const askAgain = Duration.seconds(3)

export interface Surroundings {
  /** Aborted when the server goes away: streams end at once, calls with one answer may go on for a moment. */
  readonly ended?: AbortSignal
  /** Fails where the caller of a stream may not call any more. */
  readonly stillMay?: (context: HandlerContext) => Effect.Effect<unknown, ApiError>
}

/** @param context the services that the methods use */
export const implementing = <R>(
  context: Context.Context<R>,
  authorise: Authorise,
  { ended, stillMay = () => Effect.void }: Surroundings = {}
): Implementing<R> => {
  /** Never succeeds. That nobody can be asked at the moment ends no stream. */
  const revoked = (handler: HandlerContext): Effect.Effect<never, ApiError> =>
    Effect.sleep(askAgain).pipe(
      Effect.andThen(stillMay(handler)),
      Effect.catchIf(({ code }) => code === "unavailable", () => Effect.void),
      Effect.forever
    )
  const settle = async <A>(
    effect: Effect.Effect<A, ApiError, R>,
    handler: HandlerContext,
    longest: Duration.Duration
  ): Promise<A> => {
    const exit = await Effect.runPromiseExitWith(context)(
      effect.pipe(
        Effect.timeoutOrElse({
          duration: longest,
          orElse: () =>
            Effect.fail(ApiError.refuse("deadline-exceeded", `it took longer than ${Duration.format(longest)}`))
        }),
        Effect.tapCause((cause) => logged(cause, handler)),
        Effect.onExit((exit) => counted(exit, handler))
      ),
      { signal: handler.signal }
    )
    if (Exit.isSuccess(exit)) return exit.value
    throw thrown(exit.cause, handler.signal)
  }
  return {
    unary: (_input, output, run, longest = longestUnary) => (request, handler) =>
      settle(
        authorise(handler).pipe(
          Effect.tap(() => refuseNul(request)),
          Effect.flatMap((caller) => {
            const wanted = handler.timeoutMs()
            return run(request, caller, wanted === undefined ? longest : Duration.min(longest, Duration.millis(wanted)))
          }),
          Effect.map((answer) => create(output, answer))
        ),
        handler,
        longest
      ),
    serverStreaming: (_input, output, run) => (request, handler) => {
      const passed = Effect.tap(authorise(handler), () => refuseNul(request))
      const signal = ended === undefined ? handler.signal : AbortSignal.any([handler.signal, ended])
      const answers = Stream.unwrap(Effect.map(passed, (caller) => run(request, caller))).pipe(
        Stream.map((answer) => create(output, answer)),
        // A stream that waits for something to tell would never notice that nobody listens any more.
        Stream.interruptWhen(aborted(signal)),
        Stream.interruptWhen(revoked(handler)),
        Stream.tapCause((cause) => logged(cause, handler))
      )
      return {
        async *[Symbol.asyncIterator]() {
          try {
            yield* Stream.toAsyncIterableWith(answers, context)
          } catch (error) {
            throw error instanceof ApiError ? toConnectError(error) : internal()
          }
          if (signal.aborted) throw reasonOf(signal)
        }
      }
    },
    clientStreaming: (_input, output, run) => (requests, handler) =>
      settle(
        Effect.flatMap(authorise(handler), (caller) =>
          run(
            Stream.fromAsyncIterable(requests, brokenOff),
            caller
          )).pipe(Effect.raceFirst(revoked(handler)), Effect.map((answer) => create(output, answer))),
        handler,
        longestUpload
      )
  }
}

const calls = Metric.counter("registry_api_calls_total", {
  description: "Calls of the API with one answer, by method and outcome",
  incremental: true
})

const counted = <A>(exit: Exit.Exit<A, ApiError>, { method, signal }: HandlerContext) => {
  const outcome = Exit.isSuccess(exit) ? "ok" : Code[thrown(exit.cause, signal).code] ?? "Unknown"
  return Metric.update(Metric.withAttributes(calls, { method: method.name, outcome }), 1)
}

const logged = <E>(cause: Cause.Cause<E>, { method, service }: HandlerContext) =>
  Cause.hasDies(cause)
    ? Effect.logError("call failed", cause).pipe(
      Effect.annotateLogs({ method: `${service.typeName}/${method.name}` })
    )
    : Effect.void

/** No text of the database can hold it, so that every query with it would fail. */
const refuseNul = (request: object): Effect.Effect<void, ApiError> => {
  const path = nulIn(request)
  return path === undefined ? Effect.void : Effect.fail(ApiError.invalid(path, "text without NUL"))
}

/** Where there is one, as the definition calls the field. */
const nulIn = (value: unknown): string | undefined => {
  if (typeof value === "string") return value.includes("\u0000") ? "" : undefined
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return undefined
  for (const [key, inner] of Object.entries(value)) {
    const path = nulIn(inner)
    if (path !== undefined)
      return `${key.replace(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`)}${path && `.${path}`}`
  }
  return undefined
}

/** Why no more came of a stream of requests. */
const brokenOff = (cause: unknown): ApiError => {
  if (cause instanceof ConnectError && cause.cause instanceof ApiError) return cause.cause
  const code = cause instanceof ConnectError ? cause.code : undefined
  return code === Code.ResourceExhausted
    ? ApiError.refuse(
      "resource-exhausted",
      "a message of the stream is too large: send more of them, with less in each"
    )
    : code === Code.InvalidArgument
    ? ApiError.refuse("invalid-argument", `a message of the stream cannot be decoded${whyOf(cause)}`)
    : ApiError.refuse("aborted", "the stream of the request broke off")
}

const whyOf = (cause: unknown): string => cause instanceof ConnectError ? `: ${cause.rawMessage}` : ""

const aborted = (signal: AbortSignal): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const end = () => resume(Effect.void)
    if (signal.aborted) return end()
    signal.addEventListener("abort", end, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", end))
  })

/** The deadline, the server's end, or that the caller went away. */
const reasonOf = ({ reason }: AbortSignal): ConnectError =>
  reason instanceof ConnectError ? reason : new ConnectError("the call was given up", Code.Canceled)

const internal = () => new ConnectError("something went wrong in the registry; its log says what", Code.Internal)

const thrown = (cause: Cause.Cause<ApiError>, signal: AbortSignal): ConnectError => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure !== undefined) return toConnectError(failure.error)
  return Cause.hasInterruptsOnly(cause) ? reasonOf(signal) : internal()
}
