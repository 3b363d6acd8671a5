/**
 * Turns a message of the `DHCP` stream, or of the injection service, into an event or a rejection.
 *
 * The subject is the truth about server and kind (permissions are on subjects): a body that says otherwise is rejected.
 * `id` and `at` come from the body, else from CloudEvents headers, else from the stream.
 */
import { Option, Result, Schema, type SchemaIssue, SchemaParser } from "effect"
import { bodies, type DhcpEvent, OtherHardware } from "./DhcpEvent.ts"
import { EventId, streamId } from "./EventId.ts"
import { type EventKind, isEventKind } from "./EventKind.ts"
import { Rejection, rejectionOf, showActual } from "./Rejection.ts"
import type { ServerId } from "./scalars/ServerId.ts"
import { Timestamp, timestampFromMicros, timestampToMicros } from "./scalars/Timestamp.ts"
import { parseEventSubject } from "./Subjects.ts"

/** A message as the stream holds it. `time` is the stream's clock, microseconds since 1970. */
export interface StoredMessage {
  readonly subject: string
  readonly data: string
  readonly sequence: number
  readonly time: number
  readonly header?: (name: string) => string | undefined
}

/** How far a clock may run ahead of the stream's before its events are refused: they would outlive every correction. */
export const futureTolerance = 24 * 3600 * 1_000_000

/** What every body decodes to. */
type Body = Omit<DhcpEvent, "server" | "kind" | "id" | "at"> & { readonly id?: EventId; readonly at?: Timestamp }
type BodyDecoder = (body: unknown) => Result.Result<Body, SchemaIssue.Issue>

const decodeOtherHardware: BodyDecoder = SchemaParser.decodeUnknownResult(OtherHardware)
const decoders: ReadonlyMap<string, BodyDecoder> = new Map(
  Object.entries(bodies).map((
    [kind, schema]
  ): [string, BodyDecoder] => [kind, SchemaParser.decodeUnknownResult(schema)])
)
const decodeId = Schema.decodeOption(EventId)
const decodeTime = Schema.decodeOption(Timestamp)

export const decodeMessage = (message: StoredMessage): Result.Result<DhcpEvent, Rejection> => {
  const subject = parseEventSubject(message.subject)
  if (Option.isNone(subject)) {
    return Result.fail(
      new Rejection({
        field: "subject",
        expected: "a subject of the form dhcp.v1.event.<server>.<kind>",
        actual: showActual(message.subject)
      })
    )
  }
  const { kind, server } = subject.value
  const body = parseJson(message.data)
  if (Result.isFailure(body)) return Result.fail(body.failure)
  return Result.flatMap(decodeBody(server, kind, body.success), (decoded) => {
    const id = decoded.id ?? Option.getOrUndefined(decodeId(message.header?.("ce-id") ?? "")) ??
      streamId(message.sequence)
    const at = decoded.at ?? Option.getOrUndefined(decodeTime(message.header?.("ce-time") ?? "")) ??
      timestampFromMicros(message.time)
    return timestampToMicros(at) > message.time + futureTolerance
      ? Result.fail(
        new Rejection({
          field: "at",
          expected: "a time at most a day ahead of the stream's clock",
          actual: showActual(at)
        })
      )
      : Result.succeed({ ...decoded, server, kind, id, at })
  })
}

/** The body of an injection request: like a message's, with `kind` in the body. */
export const decodeInjection = (
  server: ServerId,
  data: string
): Result.Result<{ readonly kind: EventKind; readonly body: unknown }, Rejection> =>
  Result.flatMap(parseJson(data), (body) => {
    const kind = Reflect.get(body, "kind")
    return typeof kind === "string" && isEventKind(kind)
      ? Result.map(decodeBody(server, kind, body), () => ({ kind, body }))
      : Result.fail(
        new Rejection({ field: "kind", expected: `one of ${Object.keys(bodies).join(", ")}`, actual: showActual(kind) })
      )
  })

const parseJson = (data: string): Result.Result<object, Rejection> => {
  const value = Result.try(() => JSON.parse(data) as unknown)
  return Result.isSuccess(value) && typeof value.success === "object" && value.success !== null &&
      !Array.isArray(value.success)
    ? Result.succeed(value.success)
    : Result.fail(new Rejection({ field: "body", expected: "one JSON object", actual: showActual(data) }))
}

const decodeBody = (
  server: ServerId,
  kind: EventKind,
  body: object
): Result.Result<Body & Pick<DhcpEvent, "server" | "kind">, Rejection> => {
  const otherHardware = "hardwareAddress" in body && !("mac" in body) && !("duid" in body) && kind !== "gap"
  const decode = (otherHardware ? undefined : decoders.get(kind)) ?? decodeOtherHardware
  const decoded = decode(body)
  if (Result.isFailure(decoded)) return Result.fail(rejectionOf(decoded.failure, body))
  for (const [field, truth] of [["server", server], ["kind", kind]] as const) {
    const said: unknown = Reflect.get(body, field)
    if (said !== undefined && said !== truth) {
      return Result.fail(new Rejection({ field, expected: `${truth}, as the subject says`, actual: showActual(said) }))
    }
  }
  return Result.succeed({ ...decoded.success, server, kind })
}
