/**
 * Proof of a reload: dnsmasq's own log says that it read the file, and the process lives on.
 *
 * The log is read from where it ended before the signal. Lines that dnsmasq skipped are named before it says `read`.
 */
import { Clock, Duration, Effect, Option } from "effect"
import { type DnsmasqProcess, Processes } from "../Processes.ts"
import { type Settings } from "../RendererConfig.ts"
import { readReport } from "./logMessage.ts"
import { type LogTail } from "./LogTail.ts"
import { ProofMissing } from "./ProofMissing.ts"

/** A line of the file that dnsmasq skipped, and what it said. */
export interface LineRefused {
  readonly line: number
  readonly message: string
}

const missing = (reason: string) => new ProofMissing({ reason })
export const seconds = (from: bigint, to: bigint) => Number(to - from) / 1e9

/** How long to wait before the next look: a small file is read within a millisecond, a large one takes its time. */
const pause = (waited: number) => Duration.millis(waited < 0.2 ? 5 : 50)

/** `signalled` is the process that was signalled, where that is known; otherwise the pid file names it, or the log. */
export const logLine = Effect.fn("logLine")(function*(
  { pidFile, proofTimeout, settle }: Pick<Settings, "pidFile" | "proofTimeout" | "settle">,
  tail: LogTail,
  paths: ReadonlySet<string>,
  signalled: Option.Option<DnsmasqProcess>,
  began: bigint
) {
  const processes = yield* Processes
  const refused: Array<LineRefused> = []
  let served: Option.Option<DnsmasqProcess> = signalled
  const mustLive = Effect.fnUntraced(function*() {
    if (Option.isSome(served) && !(yield* processes.isAlive(served.value))) {
      return yield* missing(`dnsmasq (process ${served.value.pid}) ended while it read the file`)
    }
  })

  const readTime = Effect.gen(function*() {
    for (;;) {
      const lines = yield* tail.next
      const now = yield* Clock.monotonicTimeNanos
      for (const line of lines) {
        const report = readReport(line, paths)
        if (report?._tag === "LineRefused") refused.push(report)
        if (report?._tag === "Unreadable") return yield* missing(`dnsmasq: ${report.message}`)
        if (report?._tag !== "Read") continue
        if (Option.exists(signalled, ({ pid }) => report.pid !== undefined && report.pid !== pid)) continue
        if (Option.isNone(signalled) && report.pid !== undefined) served = yield* processes.find(report.pid)
        return seconds(began, now)
      }
      yield* mustLive()
      if (seconds(began, now) > Duration.toSeconds(proofTimeout)) {
        return yield* missing(`dnsmasq did not log within ${Duration.format(proofTimeout)} that it read the file`)
      }
      yield* Effect.sleep(pause(seconds(began, now)))
    }
  })

  const blocked = yield* readTime
  yield* Effect.sleep(settle)
  yield* mustLive()
  if (Option.isSome(pidFile) && Option.isNone(yield* processes.ofPidFile(pidFile.value))) {
    return yield* missing(`dnsmasq ended after it had read the file: ${pidFile.value} names no process of it`)
  }
  return { blocked, refused }
})
