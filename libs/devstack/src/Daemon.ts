/**
 * A child process that serves, and dies with this process whatever ends it.
 *
 * On Linux the kernel signals the child when the thread that started it ends (`setpriv --pdeathsig`), so a daemon must
 * be started from the main thread of the process that owns it. Elsewhere only an orderly exit is covered.
 */
import { spawn, spawnSync } from "node:child_process"
import { setTimeout as sleep } from "node:timers/promises"

export interface Daemon {
  readonly pid: number
  /** The last 20,000 characters of what it wrote. */
  output(): string
  /** How it ended; undefined while it runs. */
  ending(): { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined
  /** Asks it to end with the signal, and after the grace period no longer asks. */
  stop(signal: NodeJS.Signals, graceMs?: number): Promise<void>
}

let known: boolean | undefined
const canSetpriv = (): boolean =>
  known ??= process.platform === "linux" && spawnSync("setpriv", ["--pdeathsig", "TERM", "true"]).status === 0

/** The owner may be gone before the kernel knows whom to watch: the command is run only while the owner is the parent. */
const onlyUnderOwner = ["sh", "-c", "[ \"$PPID\" = \"$0\" ] && exec \"$@\"; exit 1", String(process.pid)]

/** The command, changed so that the kernel sends it the signal when this process ends. Credentials must change before it. */
export const dieWithOwner = (signal: "INT" | "TERM" | "KILL", command: ReadonlyArray<string>): ReadonlyArray<string> =>
  canSetpriv() ? ["setpriv", "--pdeathsig", signal, "--", ...onlyUnderOwner, ...command] : command

const running = new Set<() => void>()
process.once("exit", () => running.forEach((kill) => kill()))

/** Starts the command in a session of its own, so that a Ctrl-C in the terminal reaches only its owner. */
export async function startDaemon(
  command: ReadonlyArray<string>,
  env: NodeJS.ProcessEnv = process.env
): Promise<Daemon> {
  const [file = "", ...args] = command
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], detached: true, env })
  let text = ""
  let ending: ReturnType<Daemon["ending"]>
  const keep = (chunk: string) => {
    text = (text + chunk).slice(-20_000)
  }
  child.stdout.setEncoding("utf8").on("data", keep)
  child.stderr.setEncoding("utf8").on("data", keep)
  const ended = new Promise<void>((resolve) =>
    child.once("exit", (code, signal) => {
      ending = { code, signal }
      running.delete(kill)
      resolve()
    })
  )
  const kill = () => void child.kill("SIGKILL")
  running.add(kill)
  await new Promise<void>((resolve, reject) => child.once("spawn", resolve).once("error", reject))
  const pid = child.pid ?? 0
  return {
    pid,
    output: () => text,
    ending: () => ending,
    stop: async (signal, graceMs = 15_000) => {
      if (ending === undefined) child.kill(signal)
      const timer = setTimeout(kill, graceMs)
      await ended
      clearTimeout(timer)
    }
  }
}

/** Asks again and again until the answer is not undefined; fails when the daemon ends or the time is over. */
export async function whenReady<A>(
  daemon: Daemon,
  name: string,
  ready: () => Promise<A | undefined>,
  limitMs = 60_000
): Promise<A> {
  const end = Date.now() + limitMs
  while (Date.now() < end) {
    const answer = await ready()
    if (answer !== undefined) return answer
    if (daemon.ending() !== undefined) throw new Error(`${name} ended while it started:\n${daemon.output()}`)
    await sleep(10)
  }
  await daemon.stop("SIGKILL")
  throw new Error(`${name} was not ready after ${limitMs} ms:\n${daemon.output()}`)
}
