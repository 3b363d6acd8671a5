/**
 * Whether, where and how facts are posted. What is wrong ends the start, and says so without the URL or the secret: both
 * may open the receiver.
 */
import { discoveryFacts } from "@leasehold/events"
import { Config, Data, Duration, Effect, Option, Redacted, Schema } from "effect"
import { X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"

/** Why the webhook does not start; one sentence that says what to do. */
export class WebhookRefused extends Data.TaggedError("WebhookRefused")<{ readonly message: string }> {}

export interface WebhookSettings {
  readonly url: Redacted.Redacted<URL>
  readonly secret: Option.Option<Redacted.Redacted>
  /** Who signs the receiver's certificate (PEM), in place of those that Node.js trusts. */
  readonly ca: Option.Option<Buffer>
  /** Whether facts of a type are posted. */
  readonly wants: (type: string) => boolean
  readonly timeout: Duration.Duration
  readonly attempts: number
  readonly retryMin: Duration.Duration
  readonly retryMax: Duration.Duration
}

const Attempts = Schema.NumberFromString.check(
  Schema.isInt(),
  Schema.isBetween({ minimum: 1, maximum: 1_000 }, { expected: "a whole number from 1 to 1000" })
)

const settings = Config.all({
  url: Config.option(Config.Redacted("WEBHOOK_URL")),
  secret: Config.option(Config.Redacted("WEBHOOK_SECRET")),
  ca: Config.option(Config.String("WEBHOOK_TLS_CA")),
  types: Config.String("WEBHOOK_TYPES").pipe(Config.withDefault("*")),
  timeout: Config.Duration("WEBHOOK_TIMEOUT").pipe(Config.withDefault(Duration.seconds(10))),
  attempts: Config.schema(Attempts, "WEBHOOK_ATTEMPTS").pipe(Config.withDefault(10)),
  retryMin: Config.Duration("WEBHOOK_RETRY_MIN").pipe(Config.withDefault(Duration.seconds(1))),
  retryMax: Config.Duration("WEBHOOK_RETRY_MAX").pipe(Config.withDefault(Duration.minutes(1)))
}).pipe(Config.nested("REGISTRY"))

/** None where no URL is given. */
export const WebhookConfig = Effect.gen(function*() {
  const { attempts, ca, retryMax, retryMin, secret, timeout, types, url } = yield* settings
  if (Option.isNone(url)) return Option.none<WebhookSettings>()
  const target = URL.parse(Redacted.value(url.value))
  if (target === null || !["http:", "https:"].includes(target.protocol)) {
    return yield* refuse("REGISTRY_WEBHOOK_URL is not an http or https URL")
  }
  if (Option.exists(secret, (text) => Redacted.value(text).length < 16)) {
    return yield* refuse("REGISTRY_WEBHOOK_SECRET has less than 16 characters, which can be guessed")
  }
  if (Option.isSome(ca) && target.protocol !== "https:") {
    return yield* refuse("REGISTRY_WEBHOOK_TLS_CA is for a REGISTRY_WEBHOOK_URL that begins with https")
  }
  for (const [variable, duration] of Object.entries({ TIMEOUT: timeout, RETRY_MIN: retryMin, RETRY_MAX: retryMax })) {
    if (Duration.toMillis(duration) < 1 || !Duration.isFinite(duration)) {
      return yield* refuse(`REGISTRY_WEBHOOK_${variable} is not a time that passes`)
    }
  }
  return Option.some<WebhookSettings>({
    url: Redacted.make(target),
    secret,
    ca: yield* Effect.transposeOption(Option.map(ca, readCa)),
    wants: yield* wantsOf(types),
    timeout,
    attempts,
    retryMin,
    retryMax
  })
})

const refuse = (message: string) => Effect.fail(new WebhookRefused({ message }))

/** One that is no certificate would be passed over without a word, and nobody be trusted. */
const readCa = (path: string) =>
  Effect.try({
    try: () => {
      const pem = readFileSync(path)
      return { pem, subject: new X509Certificate(pem).subject }
    },
    catch: (cause) =>
      new WebhookRefused({
        message: `REGISTRY_WEBHOOK_TLS_CA is no file with a certificate (PEM): ${
          cause instanceof Error ? cause.message : String(cause)
        }`
      })
  }).pipe(Effect.map(({ pem }) => pem))

const known = discoveryFacts.map((fact) => fact.fields.type.literal)

const isOf = (pattern: string) => (type: string) =>
  pattern === "*" || pattern === type || (pattern.endsWith(".*") && type.startsWith(pattern.slice(0, -1)))

/** `system.*,server.failed`: any of them. One that no fact has is a slip of the pen. */
const wantsOf = Effect.fnUntraced(function*(types: string) {
  const patterns = types.split(",").map((pattern) => pattern.trim()).filter((pattern) => pattern !== "")
  const unknown = patterns.find((pattern) => !known.some(isOf(pattern)))
  if (patterns.length === 0 || unknown !== undefined) {
    return yield* refuse(
      `REGISTRY_WEBHOOK_TYPES has ${JSON.stringify(unknown ?? types)}, which no fact is: they are ${known.join(", ")}; `
        + "system.* stands for all of its kind, * for all"
    )
  }
  return (type: string) => patterns.some((pattern) => isOf(pattern)(type))
})
