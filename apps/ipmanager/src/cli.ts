/** The edge: the process's words, streams and signals around the program. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Fiber, Layer } from "effect"
import { userInfo } from "node:os"
import { createInterface } from "node:readline/promises"
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

const ask = async (question: string, signal: AbortSignal): Promise<boolean> => {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(?:es)?$/iu.test((await terminal.question(`${question} [y/N] `, { signal })).trim())
  } finally {
    terminal.close()
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
    width: isTerminal ? stdout.columns : undefined,
    colour: isTerminal && !isSet("NO_COLOR") && process.env["TERM"] !== "dumb",
    progress: stderr.isTTY === true && process.env["TERM"] !== "dumb",
    interactive: stdin.isTTY === true && stderr.isTTY === true,
    zone: undefined,
    user: userName()
  })
})

export const main = async (): Promise<void> => {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? 0 : 1)
  })
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
