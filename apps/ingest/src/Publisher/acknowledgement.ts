/** What the server answered to a message that was published to a stream. A plain function: it is asked once a message. */
import type { Msg } from "@nats-io/transport-node"
import { Option, Schema } from "effect"

export type Acknowledgement =
  | { readonly _tag: "Stored"; readonly duplicate: boolean }
  /** Never to be stored as it is. */
  | { readonly _tag: "TooLarge" }
  /** Not now: there is no stream, no space, no leader. */
  | { readonly _tag: "Refused"; readonly reason: string; readonly noStream: boolean }

const stored = { _tag: "Stored", duplicate: false } as const
const duplicate = { _tag: "Stored", duplicate: true } as const

const Failure = Schema.fromJsonString(Schema.Struct({
  error: Schema.Struct({
    code: Schema.Int,
    err_code: Schema.optionalKey(Schema.Int),
    description: Schema.optionalKey(Schema.String)
  })
}))
const decodeFailure = Schema.decodeUnknownOption(Failure)

/** JSStreamMessageExceedsMaximumErr, JSStreamHeaderExceedsMaximumErr */
const tooLarge = [10054, 10097]
/** The status of a message that nobody took. */
const noResponders = 503

export const readAcknowledgement = (message: Msg): Acknowledgement => {
  const text = message.string()
  if (text.startsWith("{\"stream\":\"")) return text.includes("\"duplicate\":") ? duplicate : stored
  const status = message.headers?.code ?? 0
  if (status === noResponders) return { _tag: "Refused", reason: "no stream takes the events", noStream: true }
  const failure = Option.getOrUndefined(decodeFailure(text))?.error
  if (failure === undefined)
    return { _tag: "Refused", reason: `not understood: ${text.slice(0, 200)}`, noStream: false }
  if (tooLarge.includes(failure.err_code ?? 0)) return { _tag: "TooLarge" }
  return { _tag: "Refused", reason: failure.description ?? `error ${failure.code}`, noStream: false }
}
