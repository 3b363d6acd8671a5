/**
 * Makes dnsmasq use the file in place, and ends only when it is proven that it does, or when that is given up.
 *
 * There is one at a time, so no signal is sent before the one before was answered or its time was over. Each is taken
 * from the reload budget; whether there is any left is for the caller to ask.
 */
import {
  Cause,
  Clock,
  Context,
  Duration,
  Effect,
  Exit,
  FileSystem,
  Layer,
  Metric,
  Option,
  type PlatformError,
  Ref,
  Schema,
  type Scope
} from "effect"
import { type CommandError, runShell } from "./Command.ts"
import { activationsThat, blocked } from "./metrics.ts"
import { type DnsmasqProcess, isSame, Processes, type SignalError } from "./Processes.ts"
import { type LineRefused, logLine, seconds } from "./proofs/logLine.ts"
import { openLogTail } from "./proofs/LogTail.ts"
import { lookBefore, newProcess, nothingBefore } from "./proofs/newProcess.ts"
import { type ProofMissing } from "./proofs/ProofMissing.ts"
import { spend, untouched, waitOf } from "./ReloadBudget.ts"
import { type Activation as Means, type Mode, RendererConfig } from "./RendererConfig.ts"
import { pathsOf } from "./Target/naming.ts"

/** dnsmasq cannot be activated now: it is not there, or what it says cannot be read. Nothing was done to it. */
export class NotReady extends Schema.TaggedError<NotReady>()("NotReady", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

export interface Activated {
  /** How long dnsmasq did not answer, in seconds. */
  readonly blocked: number
  /** The lines that dnsmasq skipped. */
  readonly refused: ReadonlyArray<LineRefused>
}

export type ActivationError = NotReady | CommandError | SignalError | ProofMissing

export class Activation extends Context.Service<Activation, {
  /** Fails when an activation could not even begin. */
  readonly ready: Effect.Effect<void, NotReady>
  /** `path` is that of the file in place; there may be none when the first one was taken away again. */
  activate(path: Option.Option<string>): Effect.Effect<Activated, ActivationError>
  /** How long the reload budget makes the next one wait. */
  readonly wait: Effect.Effect<Duration.Duration>
  /** dnsmasq skipped lines, and somebody restarted it since: it may use them now. */
  readonly isOutdated: Effect.Effect<boolean>
  /** Takes one from the budget that an earlier run began so long ago. */
  spent(ago: Duration.Duration): Effect.Effect<void>
}>()("renderer/Activation") {
  static readonly layer = Layer.effect(
    Activation,
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const processes = yield* Processes
      const settings = yield* RendererConfig
      const { activateTimeout, mode, settle } = settings
      const budget = yield* Ref.make(untouched)
      /** What there was before the restarts that failed since the last that did not. */
      const failed = yield* Ref.make(nothingBefore)

      /** The dnsmasq that skipped lines of the file in place. */
      const skippedBy = yield* Ref.make(Option.none<DnsmasqProcess>())
      const serving = Option.match(settings.pidFile, {
        onNone: () => Effect.succeedNone,
        onSome: processes.ofPidFile
      })

      const provided = <A, E>(self: Effect.Effect<A, E, FileSystem.FileSystem | Processes | Scope.Scope>) =>
        Effect.scoped(self).pipe(
          Effect.provideService(FileSystem.FileSystem, fs),
          Effect.provideService(Processes, processes)
        )

      const dnsmasqOf = Effect.fnUntraced(function*(pidFile: string) {
        const found = yield* processes.ofPidFile(pidFile)
        if (Option.isNone(found))
          return yield* new NotReady({ reason: `dnsmasq does not run: ${pidFile} names no process of it` })
        return found.value
      })
      const unreadable = ({ message }: PlatformError.PlatformError) =>
        new NotReady({ reason: `cannot read dnsmasq's log: ${message}` })

      const restart = Effect.fnUntraced(function*(command: string) {
        const before = yield* lookBefore(settings, yield* Ref.get(failed))
        yield* Ref.set(failed, before)
        yield* runShell(command, activateTimeout)
        const blocked = yield* newProcess(settings, before)
        yield* Ref.set(failed, nothingBefore)
        return { blocked, refused: [] }
      })

      /** The process that was signalled, where it is known. */
      const hangUp = Effect.fnUntraced(function*(activation: Means) {
        if (activation._tag === "Command") {
          yield* runShell(activation.command, activateTimeout)
          return Option.none()
        }
        const process = yield* dnsmasqOf(activation.pidFile)
        yield* processes.hangUp(process)
        return Option.some(process)
      })

      const reload = Effect.fnUntraced(function*(hosts: Extract<Mode, { _tag: "Hosts" }>, path: Option.Option<string>) {
        const tail = yield* openLogTail(hosts.logFile).pipe(Effect.mapError(unreadable))
        const began = yield* Clock.monotonicTimeNanos
        const process = yield* hangUp(hosts.activation)
        if (Option.isSome(path)) {
          const read = yield* logLine(settings, tail, pathsOf(hosts.directory, path.value), process, began)
          yield* Ref.set(skippedBy, read.refused.length > 0 ? yield* serving : Option.none())
          return read
        }
        // Without a file there is nothing to log.
        yield* Effect.sleep(settle)
        return { blocked: seconds(began, yield* Clock.monotonicTimeNanos), refused: [] }
      })

      /** One that failed kept dnsmasq busy, as far as anybody knows, for as long as it was waited for. */
      const charge = Effect.fnUntraced(function*(began: bigint, exit: Exit.Exit<Activated, ActivationError>) {
        if (Exit.isFailure(exit) && Cause.hasFails(exit.cause) && Cause.squash(exit.cause) instanceof NotReady) return
        const elapsed = seconds(began, yield* Clock.monotonicTimeNanos)
        const time = Exit.isSuccess(exit) ? exit.value.blocked : elapsed
        yield* Ref.update(budget, (before) => spend(before, began, time, settings))
        yield* Metric.update(blocked, time)
        yield* Metric.update(activationsThat(Exit.isSuccess(exit) ? "succeeded" : "failed"), 1)
      })

      return Activation.of({
        ready: Effect.gen(function*() {
          if (mode._tag === "Conf") return
          yield* fs.access(mode.logFile, { readable: true }).pipe(Effect.mapError(unreadable))
          if (mode.activation._tag === "Signal") yield* dnsmasqOf(mode.activation.pidFile)
        }),
        activate: Effect.fn("Activation.activate")(function*(path) {
          const began = yield* Clock.monotonicTimeNanos
          return yield* provided<Activated, ActivationError>(
            mode._tag === "Conf" ? restart(mode.command) : reload(mode, path)
          ).pipe(Effect.onExit((exit) => charge(began, exit)))
        }),
        wait: Effect.gen(function*() {
          return waitOf(yield* Ref.get(budget), yield* Clock.monotonicTimeNanos)
        }),
        isOutdated: Effect.gen(function*() {
          const by = yield* Ref.get(skippedBy)
          if (Option.isNone(by)) return false
          return Option.exists(yield* serving, (now) => !isSame(now, by.value))
        }),
        spent: Effect.fnUntraced(function*(ago) {
          const began = (yield* Clock.monotonicTimeNanos) - Duration.toNanosUnsafe(ago)
          yield* Ref.update(budget, (before) => spend(before, began, 0, settings))
        })
      })
    })
  )
}
