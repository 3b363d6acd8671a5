/** What the daemon is doing and what keeps it from its work at the moment, by the part that it concerns. */
import type { SourceReport } from "@leasehold/events"
import { Context, Effect, Latch, Layer } from "effect"

export class IngestStatus extends Context.Service<IngestStatus, {
  /** From now on, `problem` says what is wrong with the part. */
  watch(part: string, problem: () => string | undefined): Effect.Effect<void>
  /** From now on, `report` says what the source does; what is wrong with it is told as the health of its path. */
  watchSource(path: string, report: () => SourceReport): Effect.Effect<void>
  /** The source is no longer followed. */
  forgetSource(path: string): Effect.Effect<void>
  /** Something changed that is worth telling at once. */
  readonly touch: Effect.Effect<void>
  /** Waits until that was so; one waits at a time. */
  readonly touched: Effect.Effect<void>
  readonly sources: () => ReadonlyArray<SourceReport>
  /** Fails with what is wrong. */
  readonly health: Effect.Effect<void, string>
}>()("ingest/IngestStatus") {
  static readonly layer = Layer.sync(IngestStatus, () => {
    const parts = new Map<string, () => string | undefined>()
    const sources = new Map<string, () => SourceReport>()
    const touched = Latch.makeUnsafe(false)
    return IngestStatus.of({
      watch: (part, problem) => Effect.sync(() => void parts.set(part, problem)),
      watchSource: (path, report) =>
        Effect.sync(() => {
          sources.set(path, report)
          touched.openUnsafe()
        }),
      forgetSource: (path) =>
        Effect.sync(() => {
          sources.delete(path)
          touched.openUnsafe()
        }),
      touch: Effect.asVoid(touched.open),
      touched: Effect.andThen(touched.await, Effect.asVoid(touched.close)),
      sources: () => [...sources.values()].map((report) => report()),
      health: Effect.suspend(() => {
        const problems = [
          ...[...parts].map(([part, problem]) => [part, problem()] as const),
          ...[...sources].map(([path, report]) => [path, report().problem] as const)
        ]
        const wrong = problems.flatMap(([part, problem]) => problem === undefined ? [] : [`${part}: ${problem}`])
        return wrong.length === 0 ? Effect.void : Effect.fail(wrong.join("\n"))
      })
    })
  })
}
