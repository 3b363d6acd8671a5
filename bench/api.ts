/**
 * How many unary calls a second the registry's API answers, against a bare Connect server that answers the same message
 * without asking any database.
 *
 * Both are processes of their own, asked in turns by the same client over gRPC, several calls at a time on one connection.
 */
import { type Client, createClient } from "@connectrpc/connect"
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node"
import { dieWithOwner, freshDatabase, startStack } from "@leasehold/devstack"
import { WatcherService } from "@leasehold/registry-api"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { migrate } from "../scripts/migrate.ts"
import type { BenchRow } from "./BenchRow.ts"

const inFlight = 16
const rounds = 4
const roundSeconds = 2
const systems = 10_000
const registryMain = new URL("../apps/registry/src/main.ts", import.meta.url).pathname
const bareMain = new URL("./api/bare.ts", import.meta.url).pathname

export async function apiRows(): Promise<ReadonlyArray<BenchRow>> {
  const stack = await startStack({ postgres: { durable: true } })
  const database = await freshDatabase(stack.postgres.url)
  await migrate(database)
  const bare = await start(bareMain, {})
  const registry = await start(registryMain, {
    DATABASE_URL: database,
    NATS_SERVERS: stack.nats.url,
    REGISTRY_API_PORT: "0"
  })
  try {
    await registry.client.registerSystem({ mac: macOf(0), server: "lab", address: "10.0.0.1", clientName: "host0" })
    await fill(database)
    const took = { ours: 0, bare: 0 }
    for (const who of [registry, bare]) await answers(who.client, 1)
    for (let round = 0; round < rounds; round++) {
      took.bare += await answers(bare.client, roundSeconds)
      took.ours += await answers(registry.client, roundSeconds)
    }
    const seconds = rounds * roundSeconds
    const ratio = took.ours / took.bare
    return [{
      what: "API: unary calls (GetSystem over gRPC)",
      ours: `${Math.round(took.ours / seconds).toLocaleString("en")} calls/s`,
      limit: `${Math.round(took.bare / seconds).toLocaleString("en")} calls/s (bare Connect server, no database)`,
      ratio,
      reach: "≥ 0.4",
      met: ratio >= 0.4,
      note: `${inFlight} in flight on one connection, ${systems.toLocaleString("en")} systems known`
    }]
  } finally {
    await Promise.all([bare.stop(), registry.stop()])
    await stack.stop()
  }
}

const hex = (value: number) => value.toString(16).padStart(2, "0")
const macOf = (n: number) => `00:16:3e:${hex((n >> 16) & 255)}:${hex((n >> 8) & 255)}:${hex(n & 255)}`

/** Copies of the system that is there. */
const fill = async (database: string) => {
  const { Client } = (await import("pg")).default
  const client = new Client({ connectionString: database })
  await client.connect()
  await client.query(
    `INSERT INTO systems (mac, name, name_source, first_seen, last_seen, server, server_stamp, client_name, vendor)
     SELECT ('00:16:3e:' || to_char(n / 65536, 'FM00') || ':' || lpad(to_hex(n / 256 % 256), 2, '0') || ':' || lpad(to_hex(n % 256), 2, '0'))::macaddr,
       'host' || n || 'x', 'client', now(), now(), server, server_stamp, client_name, vendor
     FROM systems, generate_series(1, ${systems - 1}) AS n`
  )
  await client.query("ANALYZE systems")
  await client.end()
}

/** Calls answered in so many seconds. */
const answers = async (client: Client<typeof WatcherService>, seconds: number): Promise<number> => {
  const end = performance.now() + seconds * 1000
  let answered = 0
  const caller = async (first: number) => {
    for (let n = first; performance.now() < end; n += inFlight) {
      const { system } = await client.getSystem({ key: macOf(n % systems) })
      if (system === undefined) throw new Error("no system")
      answered++
    }
  }
  await Promise.all(Array.from({ length: inFlight }, (_, first) => caller(first)))
  return answered
}

/** Starts a program that says in its log where it listens. */
const start = async (main: string, env: Readonly<Record<string, string>>) => {
  const [file = "", ...args] = dieWithOwner("TERM", [process.execPath, main])
  const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] })
  const ended = once(child, "exit")
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [found] = /http:\/\/127\.0\.0\.1:\d+/u.exec(line) ?? []
      if (found !== undefined) resolve(found)
    })
    child.once("exit", (code) => reject(new Error(`${main} ended with ${code}`)))
  })
  const sessionManager = new Http2SessionManager(url)
  return {
    client: createClient(WatcherService, createGrpcTransport({ baseUrl: url, sessionManager })),
    stop: async () => {
      sessionManager.abort()
      child.kill("SIGTERM")
      await ended
    }
  }
}
