/** The renderer's program as a process of its own, and what it says of itself; killed with the scope. */
import { freePort } from "@leasehold/devstack"
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { type Environment } from "./configured.ts"

const main = new URL("../src/main.ts", import.meta.url).pathname

export interface Daemon {
  readonly child: ChildProcess
  /** What it logged or printed. */
  readonly said: () => string
  readonly ended: Effect.Effect<number | string | null>
  /** The answer of its port for metrics and health; empty while nothing listens. */
  get(path: "/healthz" | "/metrics"): Effect.Effect<string>
}

export const startDaemon = Effect.fnUntraced(function*(env: Environment, args: ReadonlyArray<string> = []) {
  const port = yield* Effect.promise(() => freePort())
  const get: Daemon["get"] = (path) =>
    Effect.promise(() =>
      fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(5_000) }).then((answer) => answer.text())
        .catch(() => "")
    )
  return yield* Effect.acquireRelease(
    Effect.sync((): Daemon => {
      const child = spawn(process.execPath, [main, ...args], {
        env: { PATH: process.env["PATH"], ...env, RENDERER_OPS_PORT: String(port) },
        stdio: ["ignore", "pipe", "pipe"]
      })
      let said = ""
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding("utf8").on("data", (chunk: string) => said += chunk)
      const end = new Promise<number | string | null>((resolve) =>
        child.once("close", (code, signal) => resolve(code ?? signal))
      )
      return { child, said: () => said, ended: Effect.promise(() => end), get }
    }),
    ({ child, ended }) => Effect.andThen(Effect.sync(() => child.kill("SIGKILL")), ended)
  )
})
