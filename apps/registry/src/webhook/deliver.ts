/** Posts a fact until it is taken, refused for good, or was tried as often as it may be. */
import { Clock, Duration, Effect, Metric, Random } from "effect"
import { makeOutage } from "../Outage.ts"
import { type Fact } from "./Fact.ts"
import { type Answer } from "./post.ts"
import { type WebhookSettings } from "./WebhookConfig.ts"

export type Delivery =
  | { readonly _tag: "Delivered" }
  | { readonly _tag: "Dead"; readonly attempts: number; readonly reason: string }

const seconds = Metric.histogram("registry_webhook_seconds", {
  description: "Time until the webhook answered, or did not in time",
  boundaries: [0.005, 0.02, 0.1, 0.5, 2, 10, 60]
})

/** A receiver that asks for more is asked again after this. */
const longestRetryAfter = Duration.toMillis(Duration.minutes(10))

/** Milliseconds that `Retry-After: 120` or `Retry-After: Sun, 22 Nov 2026 09:00:00 GMT` asks for. */
export const retryAfterOf = (text: string | undefined, now: number): number => {
  const wanted = /^\d{1,9}$/u.test(text ?? "") ? Number(text) * 1_000 : Date.parse(text ?? "") - now
  return wanted > 0 ? Math.min(wanted, longestRetryAfter) : 0
}

export const makeDeliver = (
  post: (fact: Fact) => Effect.Effect<Answer>,
  { attempts, retryMax, retryMin }: Pick<WebhookSettings, "attempts" | "retryMax" | "retryMin">
): (fact: Fact) => Effect.Effect<Delivery> => {
  const outage = makeOutage("facts cannot be posted")

  /** Doubles up to the longest, less up to a half of it by chance, so that replicas and restarts do not fall in step. */
  const backoff = Effect.fnUntraced(function*(attempt: number, retryAfter: string | undefined) {
    const longest = Math.min(Duration.toMillis(retryMax), Duration.toMillis(retryMin) * 2 ** (attempt - 1))
    const asked = retryAfterOf(retryAfter, yield* Clock.currentTimeMillis)
    return Duration.millis(Math.max(longest * (0.5 + (yield* Random.next) / 2), asked))
  })

  return Effect.fn("Webhook.deliver")(function*(fact) {
    for (let attempt = 1;; attempt++) {
      const answer = yield* Effect.trackDuration(post(fact), seconds, Duration.toSeconds)
      if (answer._tag === "Taken") {
        yield* outage.over
        return { _tag: "Delivered" }
      }
      if (answer._tag === "Refused" || attempt >= attempts) {
        return { _tag: "Dead", attempts: attempt, reason: answer.reason }
      }
      yield* outage.because(answer.reason)
      yield* Effect.sleep(yield* backoff(attempt, answer.retryAfter))
    }
  })
}
