/** What keeps the daemon from its work at the moment, by the part that it concerns: its health. */
import { Context, Effect, Layer } from "effect"

export class IngestStatus extends Context.Service<IngestStatus, {
  /** From now on, `problem` says what is wrong with the part. */
  watch(part: string, problem: () => string | undefined): Effect.Effect<void>
  /** Fails with what is wrong. */
  readonly health: Effect.Effect<void, string>
}>()("ingest/IngestStatus") {
  static readonly layer = Layer.sync(IngestStatus, () => {
    const parts = new Map<string, () => string | undefined>()
    return IngestStatus.of({
      watch: (part, problem) => Effect.sync(() => void parts.set(part, problem)),
      health: Effect.suspend(() => {
        const wrong = [...parts].flatMap(([part, problem]) => {
          const text = problem()
          return text === undefined ? [] : [`${part}: ${text}`]
        })
        return wrong.length === 0 ? Effect.void : Effect.fail(wrong.join("\n"))
      })
    })
  })
}
