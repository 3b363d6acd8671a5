/**
 * A fact as it goes over HTTP: a CloudEvent in binary mode, its attributes in headers and the fact as the body.
 *
 * The attributes are those of the message where they can be a header; who else may publish to the stream gets no other
 * header in.
 */
import type { JsMsg } from "@nats-io/jetstream"
import { Result, Schema } from "effect"

export interface Fact {
  /** The same whenever it is sent again. */
  readonly id: string
  /** `system.discovered` */
  readonly type: string
  readonly attributes: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export type FactMessage = Pick<JsMsg, "subject" | "seq" | "time" | "data"> & {
  readonly headers: { get(name: string): string } | undefined
}

const isHeader = (value: string) => /^[\x21-\x7e]{1,256}$/u.test(value)

const decodeBody = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Struct({ type: Schema.String })))

/** `discovery.v1.<entity>.<verb>.<mac or id>` */
const typeOf = (subject: string) => subject.split(".").slice(2, 4).join(".")

export const factOf = ({ data, headers, seq, subject, time }: FactMessage): Fact => {
  const type = typeOf(subject)
  const said = (name: string, otherwise: string) => {
    const value = headers?.get(name) ?? ""
    return isHeader(value) ? value : otherwise
  }
  const id = said("ce-id", `discovery-${seq}`)
  return {
    id,
    type,
    attributes: {
      "ce-specversion": "1.0",
      "ce-id": id,
      "ce-source": said("ce-source", "/leasehold"),
      "ce-type": said("ce-type", `leasehold.discovery.v1.${encodeURIComponent(type)}`),
      "ce-time": said("ce-time", time.toISOString())
    },
    body: data
  }
}

/** Why a message is no fact; undefined for one that is. */
export const problemOf = ({ body, type }: Fact): string | undefined => {
  const decoded = decodeBody(new TextDecoder().decode(body))
  if (Result.isFailure(decoded)) return "the message is no JSON object with a type"
  return decoded.success.type === type ? undefined : "the message has another type than its subject"
}
