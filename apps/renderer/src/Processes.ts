/**
 * The dnsmasq processes of this machine, as `/proc` has them.
 *
 * A process is its id together with the time of its start, so that an id which came round again is another process. A
 * zombie is no process.
 */
import { Context, Effect, FileSystem, Layer, Option, Schema } from "effect"
import { basename } from "node:path"
import { kill } from "node:process"
import { RendererConfig } from "./RendererConfig.ts"

export interface DnsmasqProcess {
  readonly pid: number
  /** Ticks of a hundredth of a second since the machine started. */
  readonly started: number
  /** The command line, its words joined by NUL. */
  readonly command: string
}

export class SignalError extends Schema.TaggedError<SignalError>()("SignalError", {
  pid: Schema.Int,
  problem: Schema.String
}) {
  override get message() {
    return `cannot signal dnsmasq (process ${this.pid}): ${this.problem}`
  }
}

export const isSame = (one: DnsmasqProcess, other: DnsmasqProcess) =>
  one.pid === other.pid && one.started === other.started

/** `4711 (dnsmasq) S 1 …`: the name may hold anything, so it ends at the last parenthesis. */
const parseStat = (text: string) => {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  return {
    name: text.slice(text.indexOf("(") + 1, text.lastIndexOf(")")),
    state: fields[0],
    started: Number(fields[19])
  }
}

export class Processes extends Context.Service<Processes, {
  /** The time now, as `started` counts it. */
  readonly now: Effect.Effect<number>
  readonly all: Effect.Effect<ReadonlyArray<DnsmasqProcess>>
  readonly find: (pid: number) => Effect.Effect<Option.Option<DnsmasqProcess>>
  /** The dnsmasq that a pid file names; none when there is no file, or when its process is gone or is something else. */
  readonly ofPidFile: (path: string) => Effect.Effect<Option.Option<DnsmasqProcess>>
  readonly isAlive: (process: DnsmasqProcess) => Effect.Effect<boolean>
  readonly hangUp: (process: DnsmasqProcess) => Effect.Effect<void, SignalError>
}>()("renderer/Processes") {
  static readonly layer = Layer.effect(
    Processes,
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const { dnsmasq } = yield* RendererConfig
      // The kernel keeps fifteen characters of a name.
      const names = new Set(["dnsmasq", basename(dnsmasq).slice(0, 15)])
      const read = (path: string) => Effect.orElseSucceed(fs.readFileString(path), () => "")

      const find = Effect.fnUntraced(function*(pid: number) {
        const { name, started, state } = parseStat(yield* read(`/proc/${pid}/stat`))
        if (!names.has(name) || state === "Z" || state === "X") return Option.none<DnsmasqProcess>()
        return Option.some({ pid, started, command: yield* read(`/proc/${pid}/cmdline`) })
      })
      const isAlive = (process: DnsmasqProcess) =>
        Effect.map(find(process.pid), Option.exists((found) => isSame(found, process)))

      return Processes.of({
        now: Effect.map(read("/proc/uptime"), (text) => Math.floor(Number(text.split(" ")[0]) * 100)),
        all: Effect.gen(function*() {
          const entries = yield* Effect.orElseSucceed(fs.readDirectory("/proc"), () => [])
          const found = yield* Effect.forEach(
            entries.filter((entry) => /^\d+$/u.test(entry)),
            (pid) => find(Number(pid)),
            {
              concurrency: 16
            }
          )
          return found.flatMap(Option.toArray)
        }),
        find,
        ofPidFile: Effect.fnUntraced(function*(path) {
          const text = (yield* read(path)).trim()
          return /^[1-9]\d{0,9}$/u.test(text) ? yield* find(Number(text)) : Option.none()
        }),
        isAlive,
        hangUp: Effect.fn("Processes.hangUp")(function*(process) {
          if (!(yield* isAlive(process))) return yield* new SignalError({ pid: process.pid, problem: "it is gone" })
          yield* Effect.try({
            try: () => kill(process.pid, "SIGHUP"),
            catch: (cause) => new SignalError({ pid: process.pid, problem: String(cause) })
          })
        })
      })
    })
  )
}
