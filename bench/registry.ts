/**
 * Messages to committed rows, against the slower of its two limits; what a million known systems cost; and memory.
 *
 * Durable servers, and the registry as a process of its own. The clock runs while the consumer's position moves, so that
 * no start-up counts.
 */
import { dieWithOwner, type Postgres, startNats, startPostgres } from "@leasehold/devstack"
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import { spawn } from "node:child_process"
import { readFile } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"
import pg from "pg"
import { migrate } from "../scripts/migrate.ts"
import type { BenchRow } from "./BenchRow.ts"
import { fetchAndAcknowledge, upsertRows } from "./registry/bare.ts"
import { fillStream, traffic } from "./registry/traffic.ts"

const count = 120_000
/** The first third of the messages finds cold code and cold caches. */
const warmUp = count / 3
const rounds = 3
const few = 10_000
const many = 1_000_000
const main = new URL("../apps/registry/src/main.ts", import.meta.url).pathname

const rate = (perSecond: number) => `${Math.round(perSecond).toLocaleString("en")}/s`

export async function registryRows(): Promise<ReadonlyArray<BenchRow>> {
  const postgres = await startPostgres({ durable: true })
  const nats = await startNats()
  const connection = await connect({ servers: nats.url })
  try {
    const manager = await jetstreamManager(connection)
    await withoutCheckpoints(postgres.url)
    const small = await databaseWith(postgres, few)
    const large = await databaseWith(postgres, many)
    const best = { fetched: 0, upserted: 0, few: 0, many: 0, megabytes: 0 }
    // The best of some rounds each: the machine's other business takes from all of them, but not from all at once.
    for (let round = 0; round < rounds; round++) {
      const messages = traffic(count, few)
      await fillStream(connection, manager, messages)
      best.fetched = Math.max(best.fetched, await fetchAndAcknowledge(connection, manager))
      best.upserted = Math.max(best.upserted, await upsertRows(await postgres.createDatabase(small), messages))
      const withFew = await consume(await postgres.createDatabase(small), nats.url, manager)
      await fillStream(connection, manager, traffic(count, many, many + round * count))
      const withMany = await consume(postgres.urlOf(large), nats.url, manager)
      best.few = Math.max(best.few, withFew.perSecond)
      best.many = Math.max(best.many, withMany.perSecond)
      best.megabytes = Math.max(best.megabytes, withFew.megabytes, withMany.megabytes)
    }
    const limit = Math.min(best.fetched, best.upserted)
    return [
      {
        what: "registry: messages to committed rows",
        ours: rate(best.few),
        limit: rate(limit),
        ratio: best.few / limit,
        reach: "≥ 0.6",
        met: best.few / limit >= 0.6,
        note: `bare fetch-and-ack ${rate(best.fetched)}, bare upserts ${rate(best.upserted)}`
      },
      {
        what: "registry: cost per event with 1,000,000 systems known",
        ours: rate(best.many),
        limit: `${rate(best.few)} with 10,000`,
        ratio: best.few / best.many,
        reach: "≤ 1.2",
        met: best.few / best.many <= 1.2,
        note:
          "between two checkpoints; after one, the first write to each page costs more, and more systems have more pages"
      },
      {
        what: "registry: memory",
        ours: `${best.megabytes.toFixed(0)} MB`,
        limit: "200 MB",
        ratio: best.megabytes / 200,
        reach: "≤ 1",
        met: best.megabytes <= 200,
        note: "the largest resident set of the process in any round"
      }
    ]
  } finally {
    await connection.close()
    await nats.stop()
    await postgres.stop()
  }
}

/** A checkpoint in the middle of a short measurement would be most of what is measured. */
async function withoutCheckpoints(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query("ALTER SYSTEM SET max_wal_size = '8GB'")
  await client.query("ALTER SYSTEM SET checkpoint_timeout = '1h'")
  await client.query("SELECT pg_reload_conf()")
  await client.end()
}

/** A database that knows so many systems already, to be copied: each holds an address and is in its place in history. */
export async function databaseWith(postgres: Postgres, known: number): Promise<string> {
  const url = await postgres.createDatabase()
  await migrate(url)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query("INSERT INTO dhcp_servers (server) VALUES ('bench')")
  await client.query("INSERT INTO subnets (cidr, name, policy) VALUES ('10.0.0.0/8', 'bench', 'auto')")
  await client.query("INSERT INTO subnet_servers SELECT id, 'bench' FROM subnets")
  await client.query(
    `CREATE TEMP TABLE clients AS
     SELECT n, ('00:16:3e:' || substr(h, 1, 2) || ':' || substr(h, 3, 2) || ':' || substr(h, 5, 2))::macaddr AS mac,
       '10.0.0.0'::inet + n AS address, now() - interval '1 day' + n * interval '1 millisecond' AS at,
       iso_timestamp(now() - interval '1 day' + n * interval '1 millisecond') || ' ' || md5(n::text) || '00000000' AS stamp
     FROM (SELECT n, lpad(to_hex(n), 6, '0') AS h FROM generate_series(0, $1::int - 1) AS n) AS x`,
    [known]
  )
  await client.query(
    `INSERT INTO systems (mac, name, name_source, first_seen, last_seen, address, address_server, address_stamp, server,
       server_stamp, interface, interface_stamp, client_name, first_name, first_name_stamp, said_name, said_name_stamp,
       reserved)
     SELECT mac, 'client-' || n, 'client', at, at, address, 'bench', stamp, 'bench', stamp, 'br-lan', stamp, 'client-' || n,
       'client-' || n, stamp, 'client-' || n, stamp, ARRAY[address]
     FROM clients`
  )
  await client.query(
    `INSERT INTO sightings (server, address, at, event_id, mac, held, kind, provenance)
     SELECT 'bench', address, at, substr(stamp, 29), mac, true, 'ack', '{"source": "log-file", "line": "a line"}' FROM clients`
  )
  await client.query("INSERT INTO address_history SELECT 'bench', address, mac, tstzrange(at, NULL) FROM clients")
  // What the triggers and the constraint do for a row is not what is measured here.
  await client.query("ALTER TABLE reservations DISABLE TRIGGER USER, DROP CONSTRAINT reservations_domain_name_excl")
  await client.query(
    `INSERT INTO reservations (subnet_id, subnet, domain, mac, address, name, source, observed_at)
     SELECT s.id, s.cidr, s.domain, mac, address, 'client-' || n, 'auto', at FROM clients, subnets s WHERE n > 0`
  )
  await client.query(
    `ALTER TABLE reservations ENABLE TRIGGER USER, ADD CONSTRAINT reservations_domain_name_excl
       EXCLUDE USING gist (hashtextextended(name, 0) WITH =, (name || '') WITH =, (domain || '') WITH =,
         (mac | '00:00:00:00:00:00') WITH <>, coalesce(also_of, id) WITH <>) DEFERRABLE`
  )
  await client.query("INSERT INTO subnet_usage SELECT subnet_id, count(*) FROM reservations GROUP BY subnet_id")
  await client.query("VACUUM ANALYZE")
  await client.end()
  return new URL(url).pathname.slice(1)
}

/** Lets a registry work through the stream. */
async function consume(
  database: string,
  nats: string,
  manager: JetStreamManager
): Promise<{ readonly perSecond: number; readonly megabytes: number }> {
  const [file = "", ...args] = dieWithOwner("TERM", [process.execPath, main])
  const child = spawn(file, args, {
    env: { ...process.env, DATABASE_URL: database, NATS_SERVERS: nats, REGISTRY_API_PORT: "0" },
    stdio: ["ignore", "ignore", "inherit"]
  })
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  try {
    const { state } = await manager.streams.info("DHCP")
    const position = async () =>
      (await manager.consumers.info("DHCP", "registry").catch(() => undefined))?.ack_floor.stream_seq ?? 0
    let begin: { readonly at: number; readonly position: number } | undefined
    for (;;) {
      const now = await position()
      if (begin === undefined && now > warmUp) begin = { at: performance.now(), position: now }
      if (now >= state.last_seq) break
      await sleep(20)
    }
    if (begin === undefined) throw new Error("the registry was too fast to be measured")
    const perSecond = (state.last_seq - begin.position) / ((performance.now() - begin.at) / 1000)
    const status = await readFile(`/proc/${child.pid}/status`, "utf8")
    return { perSecond, megabytes: Number(/VmHWM:\s+(\d+)/u.exec(status)?.[1] ?? 0) / 1024 }
  } finally {
    child.kill("SIGTERM")
    await ended
    await manager.consumers.delete("DHCP", "registry").catch(() => false)
  }
}
