/**
 * Follows the log files of the configuration, each on its own, and keeps to it when it changes.
 *
 * A file that stays is not touched. One that is no longer wanted is read to its end, its events are stored, and its
 * checkpoint is written: who takes it up again later goes on there. One that fails is begun again from its checkpoint.
 */
import { Duration, Effect, Fiber, Semaphore } from "effect"
import { Configuration } from "./Configuration.ts"
import { IngestConfig } from "./IngestConfig.ts"
import { ingestLogFile } from "./ingestLogFile.ts"
import { SourceMeter } from "./ingestLogFile/SourceMeter.ts"
import { IngestStatus } from "./IngestStatus.ts"
import { monotonicMillis } from "./monotonicMillis.ts"

interface Followed {
  readonly meter: SourceMeter
  readonly busy: Semaphore.Semaphore
  readonly fiber: Fiber.Fiber<never>
  leaving: Fiber.Fiber<void> | undefined
}

/** A file that does not come to rest, because it is still written to, is left after this. */
const farewell = Duration.toMillis(Duration.seconds(10))

/** Without news for so many milliseconds, a file is read to its end, as far as can be known. */
const quietTime = (pollInterval: Duration.Duration) =>
  Math.min(2_000, Math.max(300, 2 * Duration.toMillis(pollInterval)))

/** Never ends by itself. */
export const followFiles = Effect.gen(function*() {
  const { pollInterval } = yield* IngestConfig
  const configuration = yield* Configuration
  const status = yield* IngestStatus
  const quiet = quietTime(pollInterval)
  const followed = new Map<string, Followed>()
  yield* Effect.addFinalizer(() =>
    Effect.forEach(
      [...followed.values()],
      ({ fiber, leaving }) =>
        Effect.andThen(leaving === undefined ? Effect.void : Fiber.interrupt(leaving), Fiber.interrupt(fiber)),
      {
        concurrency: "unbounded",
        discard: true
      }
    )
  )

  const follow = Effect.fnUntraced(function*(path: string) {
    const meter = new SourceMeter(path)
    const busy = Semaphore.makeUnsafe(1)
    const fiber = yield* ingestLogFile({ path, zone: () => configuration.current().zone, meter, busy }).pipe(
      Effect.catchCause((cause) => Effect.logError("log file failed, beginning again", cause)),
      Effect.andThen(Effect.sleep("1 second")),
      Effect.forever,
      Effect.annotateLogs({ file: path }),
      Effect.forkDetach
    )
    followed.set(path, { meter, busy, fiber, leaving: undefined })
    yield* status.watchSource(path, () => meter.report())
  }, Effect.uninterruptible)

  const leave = Effect.fnUntraced(function*(path: string, { busy, fiber, meter }: Followed) {
    const begin = yield* monotonicMillis
    let bytes = -1
    let since = begin
    let isLeft = false
    while (!isLeft) {
      yield* Effect.sleep("50 millis")
      const now = yield* monotonicMillis
      if (meter.bytes !== bytes) {
        bytes = meter.bytes
        since = now
      }
      const isLate = now - begin >= farewell
      if (!isLate && now - since < quiet) continue
      isLeft = yield* Effect.uninterruptibleMask((restore) =>
        Effect.gen(function*() {
          yield* restore(busy.take(1))
          // While the bus is away this waits: what was written while the file was wanted is not given up.
          if (!meter.isStored() || !(isLate || meter.bytes === bytes)) return yield* Effect.as(busy.release(1), false)
          followed.delete(path)
          yield* Fiber.interrupt(fiber)
          yield* configuration.left(path)
          yield* status.forgetSource(path)
          yield* Effect.logInfo("log file left", { file: path, unread: meter.lag() })
          return true
        })
      )
    }
  })

  for (;;) {
    const wanted = configuration.current()
    for (const path of wanted.files) {
      const one = followed.get(path)
      if (one?.leaving !== undefined) {
        yield* Fiber.interrupt(one.leaving)
        one.leaving = undefined
      }
      if (!followed.has(path)) yield* follow(path)
    }
    for (const path of configuration.leaving()) if (!followed.has(path)) yield* follow(path)
    for (const [path, one] of followed) {
      if (!wanted.files.includes(path)) one.leaving ??= yield* Effect.forkDetach(leave(path, one))
    }
    yield* configuration.changedFrom(wanted)
  }
})
