/** A thread that looks at a directory all the time, and can say what it saw. */
import { Effect } from "effect"
import { Worker } from "node:worker_threads"

export interface Seen {
  /** The hash of each content that a file had, and how often. */
  readonly contents: ReadonlyMap<string, number>
  /** The names, whenever there was not exactly one file. */
  readonly crowds: ReadonlySet<string>
}

export const startReader = Effect.fnUntraced(function*(directory: string) {
  const stop = new SharedArrayBuffer(4)
  const worker = yield* Effect.acquireRelease(
    Effect.sync(() => new Worker(new URL("programs/reader.ts", import.meta.url), { workerData: { directory, stop } })),
    (worker) => Effect.promise(() => worker.terminate())
  )
  yield* Effect.promise(() => new Promise((resolve) => worker.once("online", resolve)))
  return {
    stop: Effect.promise(() =>
      new Promise<Seen>((resolve, reject) => {
        worker.once("message", resolve).once("error", reject)
        Atomics.store(new Int32Array(stop), 0, 1)
      })
    )
  }
})
