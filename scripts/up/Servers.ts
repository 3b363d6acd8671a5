/**
 * The servers behind the apps: embedded ones, kept in the data directory, or those that the environment points at.
 *
 * What `DATABASE_URL` or `NATS_SERVERS` names is used as it is, and nothing is started in its place.
 */
import { freePort, startNats, startPostgres } from "@leasehold/devstack"
import { withoutSecret } from "@leasehold/runtime/Nats/NatsConfig"
import { join } from "node:path"
import pg from "pg"

export interface Servers {
  readonly databaseUrl: string
  readonly natsServers: string
  /** For people: without password. */
  readonly shown: ReadonlyArray<string>
  stop(): Promise<void>
}

/** Where the embedded servers listen when nobody else does; another port otherwise. */
const usualPorts = { postgres: 54_329, nats: 4222 }

const database = "leasehold"

export async function startServers(data: string): Promise<Servers> {
  const stops: Array<() => Promise<void>> = []
  const stop = async () => {
    for (const one of stops.splice(0).toReversed()) await one()
  }
  try {
    const external = { database: process.env["DATABASE_URL"], nats: process.env["NATS_SERVERS"] }
    const databaseUrl = external.database ?? await (async () => {
      const postgres = await startPostgres({
        dir: join(data, "postgres"),
        durable: true,
        ...await ifFree(usualPorts.postgres)
      })
      stops.push(() => postgres.stop())
      await ensureDatabase(postgres.url)
      return postgres.urlOf(database)
    })()
    const natsServers = external.nats ?? await (async () => {
      const nats = await startNats({ dir: join(data, "nats"), ...await ifFree(usualPorts.nats) })
      stops.push(() => nats.stop())
      return nats.url
    })()
    const { host, pathname } = new URL(databaseUrl)
    const origin = (outside: string | undefined) => outside === undefined ? "embedded" : "yours"
    return {
      databaseUrl,
      natsServers,
      shown: [
        `nats ${natsServers.split(",").map(withoutSecret).join(",")} (${origin(external.nats)})`,
        `postgres ${host}${pathname} (${origin(external.database)})`
      ],
      stop
    }
  } catch (error) {
    await stop()
    throw error
  }
}

const ifFree = (port: number): Promise<{ readonly port?: number }> => freePort(port).then(() => ({ port }), () => ({}))

async function ensureDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rowCount } = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [database])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(database)}`)
  } finally {
    await client.end()
  }
}
