/** The edge: the process's words, streams and signals around the program. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Fiber, Layer } from "effect"
import { writeSync } from "node:fs"
import { userInfo } from "node:os"
import { resolve } from "node:path"
import { createInterface } from "node:readline"
import { exitCodes, Failure, formatFailure } from "./domain/Failure.ts"
import { program } from "./program.ts"
import { Screen } from "./Screen.ts"

/** Resolves when the text is on its way; a reader that went away (`| head`) ends the program quietly. */
const write = (stream: NodeJS.WriteStream, text: string) =>
  Effect.callback<void>((resume) => {
    stream.write(text, () => resume(Effect.void))
  })

const userName = () => {
  try {
    return userInfo().username
  } catch {
    return "unknown"
  }
}

/** The terminal edits the line; Ctrl-C is its signal, and the end of the input means no. */
const ask = (question: string, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    const lines = createInterface({ input: process.stdin, terminal: false })
    lines.once("line", (line) => {
      resolve(/^y(?:es)?$/iu.test(line.trim()))
      lines.close()
    })
    lines.once("close", () => resolve(false))
    signal.addEventListener("abort", () => lines.close(), { once: true })
    process.stderr.write(`${question} [y/N] `)
  })

/** npm runs a script at the root of the clone, and says where its user is: relative paths are meant from there. */
const goWhereUserIs = () => {
  const from = process.env["INIT_CWD"] ?? ""
  // Anywhere else it is of an npm that started something else, and somebody went on from there.
  if (from === "" || process.cwd() !== resolve(import.meta.dirname, "../../..")) return
  try {
    process.chdir(from)
  } catch {
    // Gone meanwhile: what cannot be read is told by its name.
  }
}

const isSet = (name: string) => (process.env[name] ?? "") !== ""

const screenLayer = Layer.sync(Screen, () => {
  const { stderr, stdin, stdout } = process
  const isTerminal = stdout.isTTY === true
  return Screen.of({
    out: (text) => write(stdout, text),
    err: (text) => write(stderr, text),
    ask: (question) => Effect.promise((signal) => ask(question, signal)),
    // A terminal that does not know its width says 0.
    width: isTerminal && stdout.columns > 0 ? stdout.columns : undefined,
    colour: isTerminal && !isSet("NO_COLOR") && process.env["TERM"] !== "dumb",
    progress: stderr.isTTY === true && process.env["TERM"] !== "dumb",
    interactive: stdin.isTTY === true && stderr.isTTY === true,
    zone: undefined,
    user: userName()
  })
})

/** A peer that speaks no HTTP/2 breaks the session when nobody listens to it any more; that is no fault of ours. */
const endAtBrokenSession = (error: Error) => {
  const isBroken = "code" in error && String(error.code).startsWith("ERR_HTTP2")
  const failure = new Failure({
    reason: isBroken ? "unreachable" : "failed",
    message: isBroken
      ? "what answered is no registry: it speaks no gRPC"
      : `this should not have happened: ${error.message}`,
    advice: isBroken
      ? "Give the URL of the registry's API with --server or IPMANAGER_SERVER; https:// where it serves TLS."
      : undefined
  })
  try {
    writeSync(2, `${formatFailure(failure)}\n`)
  } finally {
    process.exit(exitCodes[failure.reason])
  }
}

export const main = async (): Promise<void> => {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0)
    process.stderr.write(`ipmanager: the result cannot be written: ${error.message}\n`, () => process.exit(1))
  })
  // What cannot be told is no reason to end otherwise.
  process.stderr.on("error", () => undefined)
  process.once("uncaughtException", endAtBrokenSession)
  goWhereUserIs()
  const fiber = Effect.runFork(
    program(process.argv.slice(2)).pipe(Effect.provide(Layer.merge(screenLayer, NodeServices.layer)))
  )
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      Effect.runFork(Fiber.interrupt(fiber))
    })
  }
  process.exitCode = await new Promise((resolve) => {
    fiber.addObserver((exit) => resolve(exit._tag === "Success" ? exit.value : 130))
  })
}
