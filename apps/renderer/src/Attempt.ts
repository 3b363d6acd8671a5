/**
 * One attempt to make dnsmasq use a rendered file: write, check, put in place, activate, verify.
 *
 * It ends with dnsmasq using the new file, or with the previous file in place again and activated. Before anything is
 * replaced, a failure touches neither the file nor dnsmasq. It fails, and leaves all as it is, once another renderer may have
 * begun to work on the same file.
 */
import { PostgresError } from "@leasehold/runtime"
import { Context, Effect, Layer, Option, Result } from "effect"
import { type Activated, Activation, NotReady } from "./Activation.ts"
import { oneLine } from "./Command.ts"
import { Gate } from "./Gate.ts"
import { type Rendered } from "./Reservations.ts"
import { NotAlone, SoleRenderer } from "./SoleRenderer.ts"
import { hashOf, Target, TargetError } from "./Target.ts"

export type AttemptResult =
  | { readonly _tag: "Used"; readonly path: string; readonly activated: Activated }
  | {
    readonly _tag: "NotUsed"
    readonly error: string
    /** dnsmasq is known to use what is in place. */
    readonly verified: boolean
    /** The same bytes would fail again, or cost dnsmasq another reload: they are not tried again soon. */
    readonly costly: boolean
  }

export class Attempt extends Context.Service<Attempt, {
  /** `needless`: dnsmasq has nothing to learn from the file, so it is put in place and dnsmasq left alone. */
  run(rendered: Rendered, needless: boolean): Effect.Effect<AttemptResult, NotAlone | PostgresError>
}>()("renderer/Attempt") {
  static readonly layer = Layer.effect(
    Attempt,
    Effect.gen(function*() {
      const activation = yield* Activation
      const gate = yield* Gate
      const sole = yield* SoleRenderer
      const target = yield* Target

      /** The path of the file in place, which is the rendered one then. */
      const put = Effect.fnUntraced(function*({ content, generation, reservations }: Rendered) {
        yield* activation.ready
        const placed = yield* target.current
        if (Option.isSome(placed) && placed.value.hash === hashOf(content)) {
          yield* target.markUnverified
          return placed.value.path
        }
        yield* gate.check(yield* target.prepare(content), content, reservations)
        // The gate may have taken minutes.
        yield* sole.check
        return yield* target.install(generation)
      })

      const hash = target.current.pipe(
        Effect.map(Option.map((placed) => placed.hash)),
        Effect.orElseSucceed(() => Option.none<string>())
      )
      const isUnverified = target.unverifiedSince.pipe(Effect.map(Option.isSome), Effect.orElseSucceed(() => true))

      /** The previous file is in place and in use again; otherwise the error says that it is not. */
      const goBack = Effect.fnUntraced(function*(error: string) {
        yield* sole.check
        const back = yield* Effect.result(Effect.flatMap(target.restore, activation.activate))
        return Result.isSuccess(back)
          ? { error, verified: true }
          : { error: `${error}; nor could the previous file be put to use: ${back.failure.message}`, verified: false }
      })

      return Attempt.of({
        run: Effect.fn("Attempt.run")(function*(rendered, needless) {
          const before = yield* hash
          const wasUnverified = yield* isUnverified
          const notUsed = (
            result: { readonly error: string; readonly verified: boolean },
            costly: boolean
          ): AttemptResult => ({
            _tag: "NotUsed",
            error: oneLine(result.error),
            verified: result.verified,
            costly
          })

          const placed = yield* Effect.result(put(rendered))
          if (Result.isFailure(placed)) {
            const error = placed.failure
            if (error instanceof NotAlone || error instanceof PostgresError) return yield* error
            yield* target.discard
            const untouched = Option.getOrNull(before) === Option.getOrNull(yield* hash)
            if (!untouched) return notUsed(yield* goBack(error.message), true)
            return notUsed({ error: error.message, verified: !wasUnverified }, !isPassing(error))
          }

          if (needless) return { _tag: "Used", path: placed.success, activated: { blocked: 0, refused: [] } }
          const activated = yield* Effect.result(activation.activate(Option.some(placed.success)))
          return Result.isSuccess(activated)
            ? { _tag: "Used", path: placed.success, activated: activated.success }
            : notUsed(yield* goBack(activated.failure.message), true)
        })
      })
    })
  )
}

/** A disk that is full and a dnsmasq that is away may come right by themselves at any time, and trying costs nothing. */
const isPassing = (error: { readonly _tag: string }) => error instanceof NotReady || error instanceof TargetError
