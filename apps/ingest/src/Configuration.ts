/**
 * What is watched: what the bucket `ingest-config` says, once it was checked; else what the ingest was started with.
 *
 * A configuration that is not good is refused as a whole, and the one before stays. The last good one is remembered for a
 * restart without the bus. Without the bucket, or without the right to read it, everything goes on as it is.
 */
import { bucketStream, bucketSubject, decodeWatcherConfig, INGEST_CONFIG, type WatcherConfig } from "@leasehold/events"
import { attemptNats, type NatsError } from "@leasehold/runtime/Nats"
import { Context, Duration, Effect, Equal, Latch, Layer, Metric, Option, Result } from "effect"
import { dirname } from "node:path"
import { Bus } from "./Bus.ts"
import { type Allowed, refusalOfPaths } from "./Configuration/allowedPaths.ts"
import { makeRemembered } from "./Configuration/Remembered.ts"
import { IngestConfig } from "./IngestConfig.ts"
import { IngestStatus } from "./IngestStatus.ts"

export interface Watched {
  /** 0 for what the ingest was started with. */
  readonly revision: number
  readonly files: ReadonlyArray<string>
  readonly zone: string
}

const refusals = Metric.counter("ingest_configuration_refusals_total", {
  description: "Configurations that were refused",
  incremental: true
})
const revisions = Metric.gauge("ingest_configuration_revision", {
  description: "Revision of the configuration in use; 0 for that of the start"
})

/** How often the bucket is asked when nothing tells of a change. */
const lookInterval = Duration.seconds(10)
/** The registry puts right at once what somebody else wrote: it is given this much time. */
const settling = Duration.millis(250)
/** Asking what we may not is an error in the server's log: once in a while will do. */
const forbiddenInterval = Duration.minutes(5)

export class Configuration extends Context.Service<Configuration, {
  readonly current: () => Watched
  /** Why a later one was refused. */
  readonly problem: () => string | undefined
  /** Files that are to be read to their end and left. */
  readonly leaving: () => ReadonlyArray<string>
  readonly left: (path: string) => Effect.Effect<void>
  /** Waits until it is another than this one. */
  readonly changedFrom: (known: Watched) => Effect.Effect<void>
}>()("ingest/Configuration") {
  static readonly layer = Layer.effect(
    Configuration,
    Effect.gen(function*() {
      const { allowedDirectories, logFiles, server, stateDirectory, zone } = yield* IngestConfig
      const bus = yield* Bus
      const status = yield* IngestStatus
      const remembered = makeRemembered(stateDirectory, server)
      const allowed: Allowed = {
        directories: Option.getOrElse(allowedDirectories, () => [...new Set(logFiles.map((path) => dirname(path)))]),
        files: logFiles
      }
      const start: Watched = { revision: 0, files: logFiles, zone }
      const changed = Latch.makeUnsafe(false)
      const woken = Latch.makeUnsafe(false)
      let inUse: WatcherConfig | undefined
      let current = start
      let leaving: ReadonlyArray<string> = []
      let problem: string | undefined

      const remember = Effect.suspend(() =>
        remembered.save({ leaving, ...(inUse === undefined ? {} : { config: inUse }) })
      )
      const use = Effect.fnUntraced(function*(config: WatcherConfig | undefined) {
        if (Equal.equals(config, inUse)) return
        const wanted: Watched = config === undefined ? start : {
          revision: config.revision,
          files: config.logFiles.length === 0 ? logFiles : config.logFiles,
          zone: config.zone ?? zone
        }
        leaving = [...new Set([...leaving, ...current.files])].filter((path) => !wanted.files.includes(path))
        inUse = config
        current = wanted
        // Before anything is done about it: after a kill it is known what was to be left.
        yield* remember
        yield* Effect.logInfo("configuration taken", { ...wanted })
        yield* Metric.update(revisions, wanted.revision)
        changed.openUnsafe()
        yield* status.touch
      })
      const refuse = Effect.fnUntraced(function*(reason: string) {
        if (problem === reason) return
        problem = reason
        yield* Effect.logWarning("configuration refused, the one before stays", { problem: reason })
        yield* Metric.update(refusals, 1)
        yield* status.touch
      })
      const accept = Effect.fnUntraced(function*(config: WatcherConfig | undefined) {
        if (problem !== undefined) yield* status.touch
        problem = undefined
        yield* use(config)
      })

      /** Links may be turned: what may not be followed any more is not. */
      const check = Effect.gen(function*() {
        if (inUse === undefined) return
        const refusal = yield* refusalOfPaths(inUse.logFiles, allowed, true)
        if (refusal === undefined) return
        yield* refuse(refusal)
        yield* use(undefined)
      })

      let absences = 0
      const take = Effect.fnUntraced(function*(value: string | undefined, isDeleted: boolean) {
        absences = value === undefined && !isDeleted ? absences + 1 : 0
        if (value === undefined) {
          // A bucket that was just made anew is empty for a moment.
          return isDeleted || absences > 1 ? yield* accept(undefined) : undefined
        }
        const decoded = decodeWatcherConfig(value)
        if (Result.isFailure(decoded)) return yield* refuse(decoded.failure.message)
        const refusal = yield* refusalOfPaths(decoded.success.logFiles, allowed)
        yield* refusal === undefined ? accept(decoded.success) : refuse(refusal)
      })

      let unread: string | undefined
      const look = Effect.gen(function*() {
        yield* check
        const { manager } = yield* bus.connected
        if (!bus.isConnected()) return lookInterval
        const entry = yield* attemptNats("read", () =>
          manager.direct.getMessage(bucketStream(INGEST_CONFIG), {
            last_by_subj: bucketSubject(INGEST_CONFIG, server)
          }))
        unread = undefined
        const isDeleted = entry !== null && entry.header.has("KV-Operation")
        yield* take(entry === null || isDeleted ? undefined : entry.string(), isDeleted)
        return lookInterval
      }).pipe(
        Effect.catch(({ cause }: NatsError) => {
          const reason = String(cause)
          const isNews = reason !== unread
          unread = reason
          const next = /permissions violation/iu.test(reason) ? forbiddenInterval : lookInterval
          return isNews
            ? Effect.as(Effect.logInfo("no configuration to be had from the bus", { problem: reason }), next)
            : Effect.succeed(next)
        })
      )

      const last = Option.getOrUndefined(yield* remembered.load)
      for (const path of last?.leaving ?? []) {
        if ((yield* refusalOfPaths([path], allowed)) === undefined) leaving = [...leaving, path]
      }
      if (last?.config !== undefined) {
        const refusal = yield* refusalOfPaths(last.config.logFiles, allowed)
        // What is followed from the beginning on leaves nothing behind.
        current = { ...start, files: [] }
        if (refusal === undefined) yield* use(last.config)
        else {
          current = start
          yield* refuse(refusal)
        }
      }
      leaving = leaving.filter((path) => !current.files.includes(path))

      yield* bus.onChange((isConnected) => {
        if (isConnected) woken.openUnsafe()
      })
      yield* Effect.gen(function*() {
        const { connection } = yield* bus.connected
        yield* Effect.acquireRelease(
          Effect.sync(() =>
            connection.subscribe(bucketSubject(INGEST_CONFIG, server), { callback: () => void woken.openUnsafe() })
          ),
          (subscription) => Effect.sync(() => subscription.unsubscribe())
        )
        for (;;) {
          woken.closeUnsafe()
          const next = yield* look.pipe(
            Effect.catchDefect((defect) =>
              Effect.as(Effect.logError("configuration cannot be looked at", { problem: String(defect) }), lookInterval)
            )
          )
          const isWoken = Option.isSome(yield* Effect.timeoutOption(woken.await, next))
          if (isWoken) yield* Effect.sleep(settling)
        }
      }).pipe(Effect.forkScoped)

      return Configuration.of({
        current: () => current,
        problem: () => problem,
        leaving: () => leaving,
        left: (path) =>
          Effect.suspend(() => {
            leaving = leaving.filter((one) => one !== path)
            return remember
          }),
        changedFrom: Effect.fnUntraced(function*(known: Watched) {
          const isSame = () => current === known
          while (isSame()) {
            changed.closeUnsafe()
            yield* changed.await
          }
        })
      })
    })
  )
}
