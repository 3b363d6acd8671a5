/**
 * A real PostgreSQL on loopback, from the binaries that npm installed.
 *
 * A cluster is made at first use and kept in its directory; after a crash it is started again on the same directory and
 * port. Root gets a user namespace or another user, because PostgreSQL refuses root. Without `durable` a committed
 * transaction survives the death of the server but not that of the machine.
 */
import { randomBytes } from "node:crypto"
import { join } from "node:path"
import pg from "pg"
import { type Daemon, startDaemon, whenReady } from "./Daemon.ts"
import { freePort } from "./freePort.ts"
import { ensureCluster, passwordOf } from "./Postgres/cluster.ts"
import { asServerUser, type ServerUser, serverUserFor } from "./Postgres/serverUser.ts"
import { binaryDirectory } from "./Postgres/binaries.ts"
import { clearStalePidFile, pidFileOf } from "./Postgres/pidFile.ts"
import { scratchDirectory } from "./ScratchDirectory.ts"

export interface Postgres {
  /** A superuser's URL of the database `postgres`. */
  readonly url: string
  readonly port: number
  /** The postmaster. */
  readonly pid: number
  urlOf(database: string): string
  /** Makes a database, empty or a copy of the template (a database's name), and returns its URL. */
  createDatabase(template?: string): Promise<string>
  stop(): Promise<void>
  /** Ends the postmaster as a crash does (SIGKILL). A directory that was given stays as it is. */
  kill(): Promise<void>
}

export interface PostgresOptions {
  /** The cluster's directory; a temporary one unless given. */
  readonly dir?: string
  /** A free one unless given. */
  readonly port?: number
  /** Whether to wait for the disk (fsync). */
  readonly durable?: boolean
}

export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const scratch = options.dir === undefined ? await scratchDirectory("pg") : undefined
  const dir = scratch === undefined ? options.dir ?? "" : join(scratch.path, "data")
  try {
    const user = await serverUserFor(dir, scratch?.path)
    await ensureCluster(dir, user, options.durable ?? false)
    await clearStalePidFile(dir)
    const { daemon, port } = await startServer(dir, user, options)
    scratch?.heldBy(daemon.pid)
    const password = await passwordOf(dir)
    const urlOf = (database: string) => `postgres://postgres:${password}@127.0.0.1:${port}/${database}`
    const end = async (signal: NodeJS.Signals) => {
      await daemon.stop(signal)
      await scratch?.remove()
    }
    return {
      url: urlOf("postgres"),
      port,
      pid: daemon.pid,
      urlOf,
      createDatabase: (template) => freshDatabase(urlOf("postgres"), template),
      stop: () => end("SIGINT"),
      kill: () => end("SIGKILL")
    }
  } catch (error) {
    await scratch?.remove()
    throw error
  }
}

async function startServer(
  dir: string,
  user: ServerUser,
  options: PostgresOptions
): Promise<{ readonly daemon: Daemon; readonly port: number }> {
  const port = options.port ?? (await freePort())
  const end = Date.now() + 15_000
  for (;;) {
    const daemon = await startDaemon(asServerUser(user, [
      join(await binaryDirectory(), "postgres"),
      "-D",
      dir,
      ...Object.entries(settings(port, options.durable ?? false)).flatMap(([name, value]) => ["-c", `${name}=${value}`])
    ]))
    try {
      await whenReady(daemon, "PostgreSQL", async () => {
        const found = await pidFileOf(dir)
        return found?.pid === daemon.pid && found.status === "ready" ? true : undefined
      })
      return { daemon, port }
    } catch (error) {
      if (/Address already in use/.test(daemon.output())) {
        if (options.port === undefined) return startServer(dir, user, options)
        throw new Error(`PostgreSQL cannot listen on 127.0.0.1:${port}: the port is in use`, { cause: error })
      }
      // The processes of a postmaster that was killed need a moment to notice.
      if (!/shared memory block|lock file .* already exists/.test(daemon.output()) || Date.now() > end) throw error
      await clearStalePidFile(dir)
    }
  }
}

const settings = (port: number, durable: boolean) => ({
  port,
  unix_socket_directories: "",
  listen_addresses: "127.0.0.1",
  max_connections: 200,
  timezone: "UTC",
  log_timezone: "UTC",
  ...(durable ? {} : { fsync: "off", full_page_writes: "off" })
})

/**
 * Makes a database of its own for a test file and returns its URL; it ends with the cluster.
 * @param url a superuser's URL of the cluster
 * @param template the name of a database to copy, to which nobody may be connected
 */
export async function freshDatabase(url: string, template = "template0"): Promise<string> {
  const name = `fresh_${randomBytes(8).toString("hex")}`
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    // Copying the files is several times quicker than the default, which sends each block through the log.
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${client.escapeIdentifier(template)} STRATEGY file_copy`)
  } finally {
    await client.end()
  }
  const fresh = new URL(url)
  fresh.pathname = `/${name}`
  return fresh.href
}
