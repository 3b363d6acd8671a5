/**
 * Runs a program to its end, for at most the time it is given, and keeps what it said.
 *
 * No program sees the database's URL. The operator's command outlives us when we end, because a restart of dnsmasq must
 * not be left half done; a daemon that it starts may keep its output open without holding us up.
 */
import { sanitizeText } from "@leasehold/events"
import { Duration, Effect, Schema } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { kill } from "node:process"

export class CommandError extends Schema.TaggedError<CommandError>()("CommandError", {
  program: Schema.String,
  problem: Schema.String,
  output: Schema.String
}) {
  override get message() {
    return `${this.program} ${this.problem}${this.output === "" ? "" : `: ${this.output}`}`
  }
}

const outputLimit = 2_000
/** How long the rest of a program's output is waited for, once the program has ended. */
const drainMillis = 100

// A program that writes to us after our death gets an error, not SIGPIPE.
const prologue = "unset DATABASE_URL PGPASSWORD; trap '' PIPE; PATH=$PATH:/usr/sbin:/sbin; export PATH;"

/** What a program or dnsmasq's log said, as one line that is fit for a log, a column and a terminal. */
export const oneLine = (text: string): string =>
  sanitizeText(text.trim().replaceAll(/\s*\n\s*/gu, "; ").slice(0, outputLimit))

/** The operator's own command line. Nothing interrupts it but its time. */
export const runShell = (command: string, timeout: Duration.Duration) =>
  Effect.uninterruptible(run("the activation command", [`${prologue} exec sh -c "$1"`, "sh", command], timeout, ""))

/** A program with its arguments, speaking English. */
export const runProgram = (program: string, args: ReadonlyArray<string>, timeout: Duration.Duration, input = "") =>
  run(program, [`${prologue} LC_ALL=C exec "$@"`, "sh", program, ...args], timeout, input)

const run = (name: string, args: ReadonlyArray<string>, timeout: Duration.Duration, input: string) =>
  Effect.callback<string, CommandError>((resume) => {
    const fail = (problem: string, output = "") =>
      resume(Effect.fail(new CommandError({ program: name, problem, output: oneLine(output) })))
    const child = start(args)
    if (child instanceof Error) return fail(`cannot be run (${child.message})`)
    let output = ""
    const timers = new Set<NodeJS.Timeout>()
    const settle = (problem: string | undefined) => {
      timers.forEach((timer) => clearTimeout(timer))
      child.removeAllListeners()
      child.stdout?.destroy()
      child.stderr?.destroy()
      child.unref()
      return problem === undefined ? resume(Effect.succeed(output)) : fail(problem, output)
    }
    child.once("error", (error) => settle(`cannot be run (${error.message})`))
    child.once("exit", (code, signal) => {
      const problem = code === 0 ? undefined : signal === null ? `ended with status ${code}` : `was ended by ${signal}`
      child.once("close", () => settle(problem))
      timers.add(setTimeout(() => settle(problem), drainMillis))
    })
    child.stdin?.on("error", () => undefined).end(input)
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        output = (output + chunk).slice(-2 * outputLimit)
      })
    }
    timers.add(setTimeout(() => {
      endGroup(child)
      settle(`did not end within ${Duration.format(timeout)}`)
    }, Duration.toMillis(timeout)))
    return Effect.sync(() => {
      endGroup(child)
      settle("was interrupted")
    })
  })

/** Node throws some of what can go wrong (no memory), and emits the rest (no more files) by a child without streams. */
const start = (args: ReadonlyArray<string>): ChildProcess | Error => {
  try {
    // Of a process group of its own: a signal to us is not one to it, and all of it can be ended.
    return spawn("sh", ["-c", ...args], { detached: true, stdio: ["pipe", "pipe", "pipe"], cwd: "/" })
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

const endGroup = (child: ChildProcess) => {
  if (child.pid === undefined) return
  try {
    kill(-child.pid, "SIGKILL")
  } catch {
    // It has just ended by itself.
  }
}
