/**
 * One POST of a fact, and what its answer means. Redirections are not followed, and of an answer no more is read than a
 * reason for the log.
 */
import { sanitizeText, showActual } from "@leasehold/events"
import { Clock, Duration, Effect, Option, Redacted } from "effect"
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http"
import { Agent as HttpsAgent, request as httpsRequest } from "node:https"
import { type Fact } from "./Fact.ts"
import { signatureOf } from "./signature.ts"
import { type WebhookSettings } from "./WebhookConfig.ts"

export type Answer =
  | { readonly _tag: "Taken" }
  /** The same would be refused again. */
  | { readonly _tag: "Refused"; readonly reason: string }
  /** It may be taken later; `retryAfter` is what the receiver says of when. */
  | { readonly _tag: "Later"; readonly reason: string; readonly retryAfter?: string }

/** Posts over one connection that is kept open, until the scope ends. */
export const makePost = Effect.fnUntraced(
  function*({ ca, secret, timeout, url }: Pick<WebhookSettings, "ca" | "secret" | "timeout" | "url">) {
    const target = Redacted.value(url)
    const isSecure = target.protocol === "https:"
    // A socket that the receiver may be about to close is not used again.
    const options = { keepAlive: true, maxSockets: 1, timeout: 4_000 }
    const agent = yield* Effect.acquireRelease(
      Effect.sync(() =>
        isSecure ? new HttpsAgent({ ...options, ca: Option.getOrUndefined(ca) }) : new HttpAgent(options)
      ),
      (agent) => Effect.sync(() => agent.destroy())
    )

    const headersOf = ({ attributes, body, id }: Fact, seconds: number) => ({
      ...attributes,
      "content-type": "application/json",
      "content-length": body.byteLength,
      "user-agent": "leasehold",
      ...(Option.isSome(secret)
        ? { "leasehold-signature": signatureOf(Redacted.value(secret.value), seconds, id, body) }
        : {})
    })

    const exchange = (fact: Fact, seconds: number) =>
      Effect.callback<Answer>((resume) => {
        const send = isSecure ? httpsRequest : httpRequest
        const settle = (answer: Answer) => resume(Effect.succeed(answer))
        const request = send(target, { method: "POST", agent, headers: headersOf(fact, seconds) }, (response) =>
          read(response, settle))
        request.on("error", (error) =>
          settle({ _tag: "Later", reason: sanitizeText(problemOf(error)).slice(0, longestReason) }))
        request.end(fact.body)
        return Effect.sync(() =>
          request.destroy()
        )
      })

    return Effect.fn("Webhook.post")(function*(fact: Fact) {
      const seconds = Math.floor((yield* Clock.currentTimeMillis) / 1_000)
      const answer = yield* Effect.timeoutOption(exchange(fact, seconds), timeout)
      return Option.getOrElse(answer, (): Answer => ({
        _tag: "Later",
        reason: `no answer within ${Duration.format(timeout)}`
      }))
    })
  }
)

const longestReason = 500

/** That nobody is known who signed the receiver's certificate; OpenSSL has a word for each way to find that out. */
const isUntrusted = (code: string | undefined) => /^(UNABLE_TO_(GET|VERIFY)|SELF_SIGNED|DEPTH_ZERO)/u.test(code ?? "")

const problemOf = (error: NodeJS.ErrnoException): string =>
  isUntrusted(error.code)
    ? `the certificate is not trusted (${error.code}); REGISTRY_WEBHOOK_TLS_CA names the file of its CA`
    : error.message
/** How long the body of an answer that says yes may still come, and is thrown away. */
const patience = 1_000

const read = (response: IncomingMessage, settle: (answer: Answer) => void): void => {
  const status = response.statusCode ?? 0
  if (status >= 200 && status < 300) {
    const timer = setTimeout(() => response.destroy(), patience).unref()
    response.on("error", () => undefined).once("close", () => clearTimeout(timer)).resume()
    return settle({ _tag: "Taken" })
  }
  let text = ""
  const end = () => {
    settle(answerOf(status, text, response.headers["retry-after"]))
    response.destroy()
  }
  response.setEncoding("latin1")
    .on("data", (chunk: string) => {
      text += chunk.slice(0, longestReason)
      if (text.length >= longestReason) end()
    })
    .on("error", end)
    .once("end", end)
}

const mayPass = new Set([408, 425, 429])

const answerOf = (status: number, text: string, retryAfter: string | undefined): Answer => {
  const reason = text.trim() === "" ? `HTTP ${status}` : `HTTP ${status}: ${showActual(text.trim())}`
  if (status >= 500 || mayPass.has(status)) {
    return { _tag: "Later", reason, ...(retryAfter === undefined ? {} : { retryAfter }) }
  }
  return {
    _tag: "Refused",
    reason: status >= 300 && status < 400 ? `${reason}; redirections are not followed` : reason
  }
}
