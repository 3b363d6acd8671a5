/**
 * One app as a supervised process: started again when it ends, a little later each time it ends soon.
 *
 * Its log goes to a file as it is; warnings and errors are passed on. It gets SIGTERM when this process is gone,
 * however that came about.
 */
import { dieWithOwner } from "@leasehold/devstack"
import { spawn } from "node:child_process"
import { createWriteStream } from "node:fs"
import { createInterface } from "node:readline"

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface App {
  readonly name: string
  state(): "starting" | "running" | "restarting" | "stopped"
  restarts(): number
  /** SIGKILL, as a crash; it is started again. */
  kill(): void
  stop(): Promise<void>
}

export interface AppOptions {
  readonly name: string
  readonly main: string
  readonly env: Readonly<Record<string, string>>
  readonly logFile: string
  /** Called for each line that is worth a person's attention. */
  readonly heed: (line: LogLine) => void
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

export const parseLogLine = (line: string): LogLine => {
  try {
    const value: unknown = JSON.parse(line)
    if (isRecord(value)) {
      const { level, message, timestamp: _timestamp, ...fields } = value
      return { level: String(level), message: String(message), fields }
    }
  } catch {
    // What is no JSON was written by the runtime itself: shown as it is.
  }
  return { level: "error", message: line, fields: {} }
}

export function startApp(options: AppOptions): App {
  const log = createWriteStream(options.logFile, { flags: "a", mode: 0o600 })
  let state: ReturnType<App["state"]> = "starting"
  let restarts = 0
  let stopping = false
  let quickEnds = 0
  let end: () => Promise<void> = () => Promise.resolve()
  let kill: () => void = () => undefined
  let timer: NodeJS.Timeout | undefined

  const run = () => {
    const [file = "", ...args] = dieWithOwner("TERM", [process.execPath, options.main])
    // A session of its own: a Ctrl-C in the terminal reaches only the supervisor, which stops the apps in order.
    const child = spawn(file, args, {
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true
    })
    const startedAt = performance.now()
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        log.write(`${line}\n`)
        const parsed = parseLogLine(line)
        if (parsed.level === "warn" || parsed.level === "error") options.heed(parsed)
        state = "running"
      })
    }
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
    child.once(
      "error",
      (error) => options.heed({ level: "error", message: `cannot be started: ${error.message}`, fields: {} })
    )
    kill = () => void child.kill("SIGKILL")
    end = async () => {
      child.kill("SIGTERM")
      const hard = setTimeout(() => child.kill("SIGKILL"), 8_000)
      await ended
      clearTimeout(hard)
    }
    void ended.then(() => {
      if (stopping) return
      quickEnds = performance.now() - startedAt < 10_000 ? quickEnds + 1 : 0
      state = "restarting"
      restarts++
      options.heed({
        level: "error",
        message: `ended with ${child.exitCode ?? child.signalCode ?? "no code"}; starting it again`,
        fields: {}
      })
      timer = setTimeout(run, Math.min(15_000, 250 * 2 ** quickEnds))
    })
  }
  run()
  return {
    name: options.name,
    state: () => state,
    restarts: () => restarts,
    kill: () => kill(),
    stop: async () => {
      stopping = true
      clearTimeout(timer)
      await end()
      state = "stopped"
      log.end()
    }
  }
}
