/** A renderer beside a real dnsmasq in a lab, and ways to look at both. Nothing in it waits for a poll or a debounce. */
import { type Lab, startLab } from "@leasehold/devstack/lab"
import { eventuallyHolds } from "@leasehold/devstack/test"
import { Context, Effect, Layer, Logger, Schedule } from "effect"
import { spawn } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { rendererLayer } from "../src/index.ts"
import { Renderer } from "../src/Renderer.ts"
import { type Environment, environment } from "./configured.ts"
import { type TestDatabase, testDatabase } from "./testDatabase.ts"

export type ModeName = "conf" | "hosts"

const quick: Environment = {
  RENDERER_POLL: "1 hour",
  RENDERER_SETTLE: "50 millis",
  RENDERER_RESTART_INTERVAL: "1 millis",
  RENDERER_RELOAD_SHARE: "1",
  RENDERER_RETRY_MIN: "1 hour",
  RENDERER_PROOF_TIMEOUT: "30 seconds"
}

const environmentOf = (mode: ModeName, lab: Lab, { url }: TestDatabase): Environment => ({
  ...quick,
  DATABASE_URL: url,
  RENDERER_SERVER: "lab",
  RENDERER_MODE: mode,
  RENDERER_PID_FILE: lab.pidFile,
  ...(mode === "conf"
    ? { RENDERER_FILE: join(lab.confDir, "01-leasehold.conf"), RENDERER_ACTIVATE: lab.restartCommand }
    : { RENDERER_DIRECTORY: lab.hostsDir, RENDERER_LOG_FILE: lab.logFile })
})

/** Another environment with some variables changed, or taken away where they are empty. */
export const changed = (env: Environment, changes: Environment): Environment =>
  Object.fromEntries(Object.entries({ ...env, ...changes }).filter(([, value]) => value !== ""))

export const startRenderer = (env: Environment) =>
  Effect.map(Layer.build(rendererLayer.pipe(Layer.provide(environment(env)))), (context) => {
    const { cycle, health, run } = Context.get(context, Renderer)
    const silent = Logger.layer([])
    return { cycle: Effect.provide(cycle, silent), run: Effect.provide(run, silent), health }
  })

/** A renderer that looks once and ends. One that was killed just before may be the server's for another moment. */
export const lookOnce = (env: Environment) =>
  Effect.scoped(Effect.flatMap(startRenderer(env), ({ cycle }) =>
    Effect.retry(cycle, {
      schedule: Schedule.max([Schedule.spaced("20 millis"), Schedule.recurs(500)]),
      while: (error) => error._tag === "NotAlone"
    })))

export const besideDnsmasq = Effect.fnUntraced(
  function*(mode: ModeName, settings: Parameters<typeof startLab>[0] = {}) {
    const lab = yield* Effect.acquireRelease(
      Effect.promise(() => startLab({ ...settings, hosts: mode === "hosts" })),
      (lab) => Effect.promise(() => lab.stop())
    )
    yield* Effect.promise(() => lab.startDnsmasq())
    const database = yield* testDatabase
    const directory = mode === "conf" ? lab.confDir : lab.hostsDir
    return {
      lab,
      database,
      directory,
      env: environmentOf(mode, lab, database),
      /** What dnsmasq reads of ours, without the first line; none when there is no file. */
      lines: Effect.sync(() => {
        const [name] = readdirSync(directory).filter((entry) => /^(01-leasehold\.conf|\d{19})$/u.test(entry))
        return name === undefined ? undefined : readFileSync(join(directory, name), "utf8").split("\n").slice(1, -1)
      }),
      pid: Effect.sync(() => Number(readFileSync(lab.pidFile, "utf8"))),
      client: (name: string, mac: string, extra: ReadonlyArray<string> = []) =>
        Effect.acquireRelease(
          Effect.promise(() => lab.client(name, { mac, extra })),
          (client) => Effect.promise(() => client.vanish())
        )
    }
  }
)

/** A dnsmasq of somebody else, which serves nothing. */
export const anotherDnsmasq = Effect.acquireRelease(
  Effect.sync(() =>
    spawn("dnsmasq", ["--no-daemon", "--conf-file=/dev/null", "--port=0"], {
      env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
      stdio: "ignore"
    })
  ),
  (child) => Effect.sync(() => child.kill("SIGKILL"))
)

/** Looks until what is seen holds. */
export const eventually = <A, E, R>(what: string, look: Effect.Effect<A, E, R>, holds: (seen: A) => boolean) =>
  Effect.flatMap(
    Effect.context<R>(),
    (context) => Effect.promise(() => eventuallyHolds(what, () => Effect.runPromiseWith(context)(look), holds))
  )

/** Looks until dnsmasq uses what the database wants. */
export const applied = ({ row }: TestDatabase, what: string) =>
  eventually(
    what,
    row,
    ({ applied_generation, result, wanted_generation }) =>
      result === "applied" && applied_generation === wanted_generation
  )
