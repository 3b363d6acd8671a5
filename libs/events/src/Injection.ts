/**
 * The injection service: `nats req dhcp.v1.inject.<server> '{"kind":"ack",…}'` publishes an event and says what became
 * of it. A request that is refused is answered with the rejection and recorded in `REJECTED`.
 */
import { Schema } from "effect"
import { EventId } from "./EventId.ts"

export const InjectionAccepted = Schema.Struct({
  accepted: Schema.Literal(true),
  id: EventId,
  seq: Schema.Int.annotate({ description: "Sequence in the DHCP stream" }),
  duplicate: Schema.Boolean.annotate({ description: "The stream held an event of this id already" }),
  ignored: Schema.optionalKey(
    Schema.Array(Schema.String).annotate({ description: "Fields of the request that mean nothing here" })
  )
})
export const InjectionRefused = Schema.Struct({
  accepted: Schema.Literal(false),
  error: Schema.Struct({ field: Schema.String, expected: Schema.String, actual: Schema.String })
})
export const InjectionReply = Schema.Union([InjectionAccepted, InjectionRefused])
export type InjectionReply = typeof InjectionReply.Type
