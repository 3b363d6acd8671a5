/**
 * Reviews what is decided and observed, and names what an administrator should look at. Asks, and changes nothing.
 *
 * Each finding has a code that stays the same from version to version. What many rows have in common is one finding for
 * each of the first, and one that says how many more there are.
 */
import { Postgres } from "@leasehold/runtime"
import { Context, Effect, Layer } from "effect"
import { questions } from "./Review/questions.ts"

export type Severity = "error" | "note" | "warning"

export interface Finding {
  readonly severity: Severity
  readonly code: string
  readonly subject: string
  readonly message: string
  readonly advice: string
}

/** Findings with one code. */
const most = 100
/** Questions at once: the others of the few connections are for callers that wait. */
const atOnce = 2

const order = { error: 0, warning: 1, note: 2 } as const satisfies Record<Severity, number>

export class Review extends Context.Service<Review, {
  /** The gravest first. */
  readonly findings: Effect.Effect<ReadonlyArray<Finding>>
}>()("registry/ipam/Review") {
  static readonly layer = Layer.effect(
    Review,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const ask = Effect.fnUntraced(function*({ advice, code, severity, sql }: (typeof questions)[number]) {
        const rows = yield* postgres.query<{ subject: string; message: string; total: number }>(
          `SELECT q.*, count(*) OVER ()::int AS total FROM (${sql}) AS q (subject, message) LIMIT ${most}`
        )
        const found = rows.map(({ message, subject }): Finding => ({ severity, code, subject, message, advice }))
        const more = (rows[0]?.total ?? 0) - rows.length
        return more === 0 ? found : [...found, { severity, code, subject: "", message: `and ${more} more`, advice }]
      })
      return Review.of({
        findings: Effect.forEach(questions, ask, { concurrency: atOnce }).pipe(
          Effect.map((found) => found.flat().toSorted((one, other) => order[one.severity] - order[other.severity])),
          Effect.orDie,
          Effect.withSpan("Review.findings")
        )
      })
    })
  )
}
