/**
 * The whole system for a test: real servers, the three apps as processes of their own, and ways to look at it.
 *
 * The apps are started as `npm start` starts them; a killed one is started again by its supervisor.
 */
import { type Nats, type Postgres, startNats, startPostgres } from "@leasehold/devstack"
import { connect, type NatsConnection } from "@nats-io/transport-node"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import pg from "pg"
import { migrate } from "../../scripts/migrate.ts"
import { type App, startApp } from "../../scripts/up/App.ts"
import { type AppName, environmentOf } from "../../scripts/up/environment.ts"
import type { Followed } from "../../scripts/up/options.ts"

const root = new URL("../../", import.meta.url).pathname

export interface System {
  readonly data: string
  readonly nats: NatsConnection
  readonly natsPort: number
  query<Row extends object>(text: string, values?: ReadonlyArray<unknown>): Promise<ReadonlyArray<Row>>
  /** SIGKILL. Apps come back by themselves; servers when `revive` is called. */
  kill(part: AppName | "nats" | "postgres"): Promise<void>
  revive(part: "nats" | "postgres"): Promise<void>
  /** What the apps said that a person should heed. */
  heeded(): string
  stop(): Promise<void>
}

export async function startSystem(
  followed: Followed,
  env: Readonly<Partial<Record<AppName, Readonly<Record<string, string>>>>> = {}
): Promise<System> {
  const data = await mkdtemp(join(tmpdir(), "leasehold-system-"))
  const stops: Array<() => Promise<unknown>> = [() => rm(data, { recursive: true, force: true })]
  const stop = async () => {
    for (const one of stops.splice(0).toReversed()) await one()
  }
  try {
    const postgresOptions = { dir: join(data, "postgres"), durable: true }
    let postgres: Postgres = await startPostgres(postgresOptions)
    stops.push(() => postgres.stop())
    let nats: Nats = await startNats({ dir: join(data, "nats") })
    stops.push(() => nats.stop())
    const databaseUrl = await postgres.createDatabase()
    await migrate(databaseUrl)
    const connection = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 })
    stops.push(() => connection.close())
    const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 })
    pool.on("error", () => undefined)
    stops.push(() => pool.end())
    let heeded = ""
    const environment = environmentOf(followed, { databaseUrl, natsServers: nats.url }, data)
    const apps = new Map<string, App>()
    for (const name of ["ingest", "registry", "renderer"] as const) {
      if (environment[name] === undefined) continue
      apps.set(
        name,
        startApp({
          name,
          main: join(root, "apps", name, "src/main.ts"),
          env: { ...environment[name], ...env[name] },
          logFile: join(data, `${name}.log`),
          heed: (line) => {
            heeded += `${name} ${line.level}: ${line.message} ${JSON.stringify(line.fields)}\n`
          }
        })
      )
    }
    stops.push(() => Promise.all([...apps.values()].map((app) => app.stop())))
    return {
      data,
      nats: connection,
      natsPort: nats.port,
      query: async <Row extends object>(text: string, values: ReadonlyArray<unknown> = []) =>
        (await pool.query<Row>(text, [...values])).rows,
      kill: async (part) => {
        if (part === "nats") return nats.kill()
        if (part === "postgres") return postgres.kill()
        apps.get(part)?.kill()
      },
      revive: async (part) => {
        if (part === "nats") nats = await startNats({ dir: join(data, "nats"), port: nats.port })
        else postgres = await startPostgres({ ...postgresOptions, port: postgres.port })
      },
      heeded: () => heeded,
      stop
    }
  } catch (error) {
    await stop()
    throw error
  }
}
