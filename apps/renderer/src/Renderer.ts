/**
 * Keeps the file of one dnsmasq as PostgreSQL wants it.
 *
 * A generation is recorded as applied only when dnsmasq is known to use it, and nothing is activated when no byte
 * changed. Whatever fails, dnsmasq goes on with the file that it has.
 */
import { type PostgresError } from "@leasehold/runtime"
import { Cause, Clock, Context, Duration, Effect, Layer, Metric, Option, Ref, Result } from "effect"
import { Activation } from "./Activation.ts"
import { Attempt } from "./Attempt.ts"
import { oneLine } from "./Command.ts"
import { type Failures, isBroken, mayTry, mustWait, noFailures, oneMore } from "./Failures.ts"
import * as metrics from "./metrics.ts"
import { type LineRefused } from "./proofs/logLine.ts"
import { RendererConfig } from "./RendererConfig.ts"
import { noteOf, shortfallsOf } from "./rendering/shortfalls.ts"
import { type Rendered, Reservations } from "./Reservations.ts"
import { type Outcome, type Recorded, ServerRecord } from "./ServerRecord.ts"
import { type NotAlone, SoleRenderer } from "./SoleRenderer.ts"
import { hashOf, Target } from "./Target.ts"
import { Wakes } from "./Wakes.ts"

/** An outcome that the database does not know yet, and whether dnsmasq is known to use what is in place. */
interface Unrecorded {
  readonly outcome: Outcome
  readonly verified: boolean
}

interface Disk {
  readonly hash: string | undefined
  readonly verified: boolean
}

/** Of which bytes dnsmasq skipped which lines. */
interface Skipped {
  readonly hash: string
  readonly refused: ReadonlyArray<LineRefused>
}

const nothingSkipped: Skipped = { hash: "", refused: [] }

const isUpToDate = ({ applied, result, wanted }: Recorded, disk: Disk) =>
  result === "applied" && disk.verified
  && Option.exists(applied, ({ generation, hash }) => generation === wanted && hash === disk.hash)

export class Renderer extends Context.Service<Renderer, {
  /** Looks once, and does what is to be done. */
  readonly cycle: Effect.Effect<void, NotAlone | PostgresError>
  /** Looks whenever there is a reason to, for ever. */
  readonly run: Effect.Effect<never>
  /** Fails with what is wrong now. */
  readonly health: Effect.Effect<void, string>
}>()("renderer/Renderer") {
  static readonly layer = Layer.effect(
    Renderer,
    Effect.gen(function*() {
      const activation = yield* Activation
      const attempt = yield* Attempt
      const record = yield* ServerRecord
      const reservations = yield* Reservations
      const settings = yield* RendererConfig
      const sole = yield* SoleRenderer
      const target = yield* Target
      const wakes = yield* Wakes
      const failures = yield* Ref.make<Failures>(noFailures)
      const unrecorded = yield* Ref.make(Option.none<Unrecorded>())
      const problem = yield* Ref.make(Option.some("the file was not looked at yet"))
      const isTakenOver = yield* Ref.make(false)
      /** What dnsmasq skipped of the bytes that it uses. */
      const skipped = yield* Ref.make(nothingSkipped)

      const flush = Effect.gen(function*() {
        const due = yield* Ref.get(unrecorded)
        if (Option.isNone(due)) return
        const { outcome, verified } = due.value
        yield* sole.check
        yield* record.write(outcome)
        yield* Ref.set(unrecorded, Option.none())
        // A mark that cannot be taken away costs one activation more, and nothing else.
        if (verified) yield* Effect.ignore(target.markVerified)
        yield* Ref.set(problem, outcome._tag === "Failed" ? Option.some(outcome.error) : Option.none())
        if (outcome._tag === "Applied") yield* Metric.update(metrics.appliedGeneration, outcome.generation)
      })
      const settle = (outcome: Outcome, verified: boolean) =>
        Effect.andThen(Ref.set(unrecorded, Option.some({ outcome, verified })), flush)

      const used = Effect.fnUntraced(function*({ content, generation, leftOut, reservations }: Rendered, hash: string) {
        const last = yield* Ref.get(skipped)
        const refused = last.hash === hash ? last.refused : []
        const shortfalls = shortfallsOf(content, leftOut, refused).map(oneLine)
        yield* Effect.forEach(
          shortfalls.slice(0, 100),
          (what) => Effect.logWarning("a reservation is not in use", { what })
        )
        yield* Metric.update(metrics.leftOut, shortfalls.length)
        yield* Metric.update(metrics.reservations, reservations - refused.length)
        yield* Ref.set(failures, noFailures)
        yield* Metric.update(metrics.failuresInARow, 0)
        yield* settle({
          _tag: "Applied",
          generation,
          hash,
          reservations: reservations - refused.length,
          note: noteOf(shortfalls)
        }, true)
      })

      const notUsed = Effect.fnUntraced(function*(generation: bigint, error: string, verified: boolean) {
        yield* Effect.logError("the new file is not in use", { generation: generation.toString(), error })
        yield* settle({ _tag: "Failed", generation, error }, verified)
      })

      const tryIt = Effect.fnUntraced(function*(rendered: Rendered, hash: string, needless: boolean) {
        const { generation } = rendered
        const result = yield* attempt.run(rendered, needless)
        if (result._tag === "Used") {
          const { blocked, refused } = result.activated
          yield* Effect.logInfo("dnsmasq uses the new file", {
            path: result.path,
            generation: generation.toString(),
            reservations: rendered.reservations,
            hash,
            seconds: blocked
          })
          yield* Ref.set(skipped, { hash, refused })
          return yield* used(rendered, hash)
        }
        if (result.costly) {
          const now = yield* Clock.monotonicTimeNanos
          const more = yield* Ref.updateAndGet(
            failures,
            (before) => oneMore(before, { generation, hash }, now, settings)
          )
          yield* Metric.update(metrics.failuresInARow, more.count)
          if (isBroken(more, settings)) {
            yield* Effect.logError("every file fails, so changes wait", { failures: more.count })
          }
        }
        yield* notUsed(generation, result.error, result.verified)
      })

      /** Another renderer may have done anything until now, so nothing of an earlier time holds any more. */
      const serve = Effect.gen(function*() {
        if (!(yield* sole.take)) return
        yield* Effect.logInfo("this is the renderer of its server", { server: settings.server })
        yield* Ref.set(unrecorded, Option.none())
        yield* Ref.set(failures, noFailures)
        yield* Metric.update(metrics.failuresInARow, 0)
        yield* Ref.set(skipped, nothingSkipped)
        yield* Ref.set(isTakenOver, false)
      })

      /** Once, at the start: what an earlier run left, and what it took from the reload budget. */
      const takeOver = Effect.gen(function*() {
        if (yield* Ref.get(isTakenOver)) return
        yield* target.tidy
        const since = yield* target.unverifiedSince
        yield* Ref.set(isTakenOver, true)
        if (Option.isNone(since)) return
        yield* Effect.logWarning("an earlier run ended before its activation was verified", { since: since.value })
        const ago = (yield* Clock.currentTimeMillis) - since.value.getTime()
        yield* activation.spent(Duration.millis(Math.max(0, ago)))
      })

      const look = Effect.gen(function*() {
        yield* takeOver
        const placed = yield* target.current
        const disk: Disk = {
          hash: Option.getOrUndefined(Option.map(placed, ({ hash }) => hash)),
          verified: Option.isNone(yield* target.unverifiedSince)
        }
        return disk
      })

      const pause = Effect.fnUntraced(function*(wait: Duration.Duration) {
        yield* Effect.logInfo("a change waits for the reload budget", { seconds: Duration.toSeconds(wait) })
        yield* Metric.update(metrics.budgetWait, Duration.toSeconds(wait))
        yield* Effect.sleep(wait)
        yield* Metric.update(metrics.budgetWait, 0)
      })

      /** What is left to wait for; none when there is nothing more to do now. */
      const step = Effect.fnUntraced(function*() {
        yield* serve
        yield* flush
        const recorded = yield* record.read
        yield* Metric.update(metrics.wantedGeneration, recorded.wanted)
        // An earlier run applied it: a difference between the two would go unnoticed until the first success.
        const applied = Option.map(recorded.applied, ({ generation }) => generation)
        yield* Metric.update(metrics.appliedGeneration, Option.getOrElse(applied, () => 0n))
        const looked = yield* Effect.result(look)
        if (Result.isFailure(looked)) {
          yield* notUsed(recorded.wanted, oneLine(looked.failure.message), false)
          return Option.none<Duration.Duration>()
        }
        const disk = looked.success
        const isOutdated = yield* activation.isOutdated
        if (isUpToDate(recorded, disk) && !isOutdated) {
          yield* Ref.set(problem, Option.none())
          return Option.none()
        }
        const failed = yield* Ref.get(failures)
        if (mustWait(failed, recorded.wanted, yield* Clock.monotonicTimeNanos, settings)) return Option.none()

        const rendered = yield* Effect.trackDuration(reservations.render, metrics.renders, Duration.toSeconds)
        const hash = hashOf(rendered.content)
        if (
          !isOutdated && disk.verified && disk.hash === hash &&
          Option.exists(recorded.applied, (applied) => applied.hash === hash)
        ) {
          yield* used(rendered, hash)
          return Option.none()
        }
        if (!mayTry(failed, hash, yield* Clock.monotonicTimeNanos, settings)) return Option.none()
        // The very first file, while it is empty, says what no file said.
        const needless = Option.isNone(recorded.applied) && disk.hash === undefined && rendered.reservations === 0
        const wait = yield* activation.wait
        if (!needless && Duration.isGreaterThan(wait, Duration.zero)) return Option.some(wait)
        yield* tryIt(rendered, hash, needless)
        return Option.none()
      })

      const cycle = Effect.gen(function*() {
        for (;;) {
          const wait = yield* step()
          if (Option.isNone(wait)) return
          // What is wanted then may be something else again, so it is read again.
          yield* pause(wait.value)
        }
      }).pipe(Effect.withSpan("Renderer.cycle"))

      /** Says once what is in the way, and looks again soon. */
      const later = Effect.fnUntraced(function*(message: string, error: string) {
        const before = yield* Ref.getAndSet(problem, Option.some(error))
        if (!Option.contains(before, error)) yield* Effect.logWarning(message, { error })
        yield* Effect.sleep("1 second")
        yield* wakes.again
      })

      /** What nobody thought of ends one look, and not the renderer: its file would stay as it is without a word. */
      const broken = Effect.fnUntraced(function*(defect: unknown) {
        yield* Effect.logError("the renderer failed, trying again", Cause.die(defect))
        yield* Ref.set(problem, Option.some(`the renderer failed: ${oneLine(String(defect))}`))
        yield* Effect.sleep(settings.retryMin)
        yield* wakes.again
      })

      return Renderer.of({
        cycle,
        run: Effect.forever(Effect.andThen(
          wakes.next,
          Effect.catchTags(cycle, {
            NotAlone: ({ reason }) => later("this renderer stands by", reason),
            PostgresError: ({ cause }) =>
              later("the database does not answer", `the database does not answer: ${oneLine(String(cause))}`)
          }).pipe(Effect.catchDefect(broken))
        )),
        health: Effect.flatMap(Ref.get(problem), Option.match({ onNone: () => Effect.void, onSome: Effect.fail }))
      })
    })
  )
}
