/**
 * Proof of a restart: a dnsmasq that was not there before, started after the command was given, has stayed alive for a
 * while, and took the place of an old one instead of standing beside it.
 *
 * With a pid file it is the process that the file names. Without one it is any process named dnsmasq, which on a machine
 * with several of them says less.
 */
import { Clock, Duration, Effect, Option } from "effect"
import { type DnsmasqProcess, isSame, Processes } from "../Processes.ts"
import { type Settings } from "../RendererConfig.ts"
import { ProofMissing } from "./ProofMissing.ts"

export interface Before {
  readonly at: number
  readonly all: ReadonlyArray<DnsmasqProcess>
  /** Those that the pid file named. */
  readonly named: ReadonlyArray<DnsmasqProcess>
}

export const nothingBefore: Before = { at: 0, all: [], named: [] }

type Needs = Pick<Settings, "pidFile" | "proofTimeout" | "settle">

const named = Effect.fnUntraced(function*(pidFile: Option.Option<string>) {
  const processes = yield* Processes
  return Option.isSome(pidFile) ? yield* processes.ofPidFile(pidFile.value) : Option.none<DnsmasqProcess>()
})

const has = (all: ReadonlyArray<DnsmasqProcess>, process: DnsmasqProcess) => all.some((one) => isSame(one, process))
const union = (all: ReadonlyArray<DnsmasqProcess>, more: ReadonlyArray<DnsmasqProcess>) => [
  ...all,
  ...more.filter((one) => !has(all, one))
]

/**
 * What there is before the command is given, and what there was before those that failed: what the new dnsmasq takes
 * the place of may have ended in one of them.
 */
export const lookBefore = Effect.fnUntraced(function*({ pidFile }: Needs, failed: Before) {
  const processes = yield* Processes
  const before: Before = {
    at: yield* processes.now,
    all: union(failed.all, yield* processes.all),
    named: union(failed.named, Option.toArray(yield* named(pidFile)))
  }
  return before
})

/** Why a process is not the new dnsmasq; none when it is. */
const objection = (process: DnsmasqProcess, before: Before, now: ReadonlyArray<DnsmasqProcess>) => {
  if (has(before.all, process)) return `dnsmasq (process ${process.pid}) is the one from before`
  // The kernel and `/proc/uptime` round a tick differently.
  if (process.started < before.at - 1) return `dnsmasq (process ${process.pid}) is older than the command`
  const old = before.named.length > 0
    ? before.named
    : before.all.filter(({ command }) => command === process.command)
  const left = old.find((one) => has(now, one))
  return left === undefined ? undefined : `the old dnsmasq (process ${left.pid}) still runs beside the new one`
}

/** The process that could be the new one, or why there is none. */
const find = Effect.fnUntraced(function*({ pidFile }: Needs, before: Before) {
  const processes = yield* Processes
  const now = yield* processes.all
  if (Option.isSome(pidFile)) {
    const process = yield* named(pidFile)
    if (Option.isNone(process)) return { why: `${pidFile.value} names no dnsmasq process` }
    const why = objection(process.value, before, now)
    return why === undefined ? { process: process.value } : { why }
  }
  // The old one may have been started by other words, by hand for instance: that one of them is gone is all that counts.
  const isReplacement = before.all.length === 0 || before.all.some((one) => !has(now, one))
  const process = isReplacement ? now.find((one) => objection(one, before, now) === undefined) : undefined
  if (process !== undefined) return { process }
  const fresh = now.find((one) => !has(before.all, one))
  return { why: (fresh && objection(fresh, before, now)) ?? "there is no new dnsmasq process" }
})

/** Waits for the proof, and returns how long it took until the new process was there, in seconds. */
export const newProcess = Effect.fn("newProcess")(function*(settings: Needs, before: Before) {
  const processes = yield* Processes
  const end = (yield* Clock.monotonicTimeNanos) + Duration.toNanosUnsafe(settings.proofTimeout)
  for (;;) {
    const found = yield* find(settings, before)
    const seen = yield* processes.now
    if (found.process !== undefined) {
      yield* Effect.sleep(settings.settle)
      const still = yield* find(settings, before)
      if (still.process !== undefined && isSame(still.process, found.process)) {
        return Math.max(0, seen - before.at) / 100
      }
    }
    if ((yield* Clock.monotonicTimeNanos) > end) {
      const why = found.why ?? `dnsmasq started and ended again at once`
      return yield* new ProofMissing({ reason: `dnsmasq was not restarted: ${why}` })
    }
    yield* Effect.sleep("20 millis")
  }
})
