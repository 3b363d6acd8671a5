/**
 * The renderer: 100,000 reservations to a file against what PostgreSQL needs to write the same rows into one, its memory
 * with them, and how long a change takes to its file beside a real dnsmasq.
 *
 * Ours is everything from the reading to the renamed file on the disk, without the activation, whose time is dnsmasq's.
 */
import { NodeServices } from "@effect/platform-node"
import { freshDatabase, startPostgres } from "@leasehold/devstack"
import { labSupport, startLab } from "@leasehold/devstack/lab"
import { rendererLayer, Reservations, Target } from "@leasehold/renderer"
import { ConfigProvider, Effect, Layer } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import pg from "pg"
import { migrate } from "../scripts/migrate.ts"
import type { BenchRow } from "./BenchRow.ts"

const reservations = 100_000
const main = new URL("../apps/renderer/src/main.ts", import.meta.url).pathname

// The triggers, which would write 100,000 facts, are not what is measured.
const fill = `
SET session_replication_role = replica;
INSERT INTO dhcp_servers (server) VALUES ('lab');
INSERT INTO subnets (cidr, name) SELECT ('10.' || i || '.0.0/16')::cidr, 'net ' || i FROM generate_series(0, 3) AS i;
INSERT INTO subnet_servers SELECT id, 'lab' FROM subnets;
INSERT INTO reservations (subnet_id, subnet, domain, mac, address, name, lease_time)
SELECT s.id, s.cidr, '', ('02:00:00:' || to_hex(i / 65536) || ':' || to_hex(i / 256 % 256) || ':' || to_hex(i % 256))::macaddr,
  set_masklen(s.cidr::inet, 32) + (i / 4 + 10), 'host-' || i, CASE WHEN i % 10 = 0 THEN interval '12 hours' END
FROM (SELECT i FROM generate_series(0, ${reservations - 1}) AS i ORDER BY md5(i::text)) AS shuffled
JOIN subnets s ON s.cidr = ('10.' || i % 4 || '.0.0/16')::cidr;
RESET session_replication_role;
VACUUM ANALYZE;`

const limit = `COPY (
  SELECT r.mac, r.address, r.name, r.lease_time
  FROM reservations r JOIN subnet_servers a ON a.subnet_id = r.subnet_id
  WHERE a.server = 'lab' AND r.enabled ORDER BY r.address
) TO STDOUT`

const median = (values: ReadonlyArray<number>) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
const ms = (value: number) => `${value.toFixed(0)} ms`

/** Everything that a COPY sends, into a file. `pg` has no COPY; its connection tells of each message. */
async function copyInto(client: pg.Client, file: string): Promise<void> {
  const connection: pg.Connection = Reflect.get(client, "connection")
  const out = openSync(file, "w")
  const write = ({ chunk }: { readonly chunk: Buffer }) => void writeSync(out, chunk)
  connection.on("copyData", write)
  try {
    await client.query(limit)
  } finally {
    connection.off("copyData", write)
    closeSync(out)
  }
}

const render = Effect.gen(function*() {
  const rendered = yield* (yield* Reservations).render
  const target = yield* Target
  yield* target.prepare(rendered.content)
  yield* target.install(rendered.generation)
  return rendered.reservations
})

async function measureRendering(url: string, directory: string): Promise<BenchRow> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const environment = {
    DATABASE_URL: url,
    RENDERER_SERVER: "lab",
    RENDERER_FILE: join(directory, "01-leasehold.conf"),
    RENDERER_ACTIVATE: "true",
    RENDERER_POLL: "1 hour"
  }
  const layer = rendererLayer.pipe(
    Layer.provide(NodeServices.layer),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: environment })))
  )
  const ours: Array<number> = []
  const theirs: Array<number> = []
  const timed = async (times: Array<number>, run: () => Promise<unknown>) => {
    const start = performance.now()
    await run()
    times.push(performance.now() - start)
  }
  await Effect.runPromise(
    Effect.gen(function*() {
      const context = yield* Effect.context<Reservations | Target>()
      for (let round = 0; round < 15; round++) {
        yield* Effect.promise(() => timed(theirs, () => copyInto(client, join(directory, "limit"))))
        yield* Effect.promise(() => timed(ours, () => Effect.runPromiseWith(context)(render)))
      }
    }).pipe(Effect.provide(layer))
  )
  await client.end()
  const ratio = median(ours) / median(theirs)
  return {
    what: "render 100,000 reservations to a file",
    ours: ms(median(ours)),
    limit: `${ms(median(theirs))} (COPY into a file)`,
    ratio,
    reach: "≤ 1.5",
    met: ratio <= 1.5
  }
}

const ended = (child: ChildProcess) => new Promise((resolve) => child.once("exit", resolve))

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`the renderer did not ${what}`)
    await sleep(1)
  }
}

const startRenderer = (url: string, env: Readonly<Record<string, string>>) =>
  spawn(process.execPath, [main], {
    env: {
      ...process.env,
      DATABASE_URL: url,
      RENDERER_SERVER: "lab",
      RENDERER_RELOAD_SHARE: "1",
      LOG_LEVEL: "Warn",
      ...env
    },
    stdio: ["ignore", "inherit", "inherit"]
  })

const isApplied = async (client: pg.Client) => {
  const { rows: [row] } = await client.query("SELECT applied_generation = wanted_generation AS done FROM dhcp_servers")
  return row?.done === true
}

/** The command says in dnsmasq's place that it read the file: dnsmasq itself would need half a minute for each. */
async function measureMemory(url: string, directory: string): Promise<BenchRow> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const hosts = join(directory, "hosts")
  const log = join(directory, "dnsmasq.log")
  await mkdir(hosts)
  writeFileSync(log, "")
  const child = startRenderer(url, {
    RENDERER_MODE: "hosts",
    RENDERER_DIRECTORY: hosts,
    RENDERER_LOG_FILE: log,
    RENDERER_ACTIVATE: `echo "dnsmasq-dhcp[1]: read ${hosts}/$(ls ${hosts})" >> ${log}`
  })
  const memory = () => {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB/mu.exec(readFileSync(`/proc/${child.pid}/status`, "utf8")) ?? []
    return Number(kilobytes) / 1000
  }
  const seen: Array<number> = []
  for (let round = 0; round < 10; round++) {
    await until("apply the reservations", () => isApplied(client))
    seen.push(memory())
    await client.query("UPDATE reservations SET name = $1 WHERE address = '10.0.0.50'", [`renamed-${round}`])
  }
  child.kill("SIGTERM")
  await ended(child)
  await client.end()
  const most = Math.max(...seen)
  return {
    what: "memory of the renderer at 100,000 reservations",
    ours: `${most.toFixed(0)} MB`,
    limit: "200 MB",
    ratio: most / 200,
    reach: "≤ 200 MB",
    met: most <= 200
  }
}

async function measureLatency(url: string): Promise<BenchRow> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`
    INSERT INTO dhcp_servers (server) VALUES ('lab');
    INSERT INTO subnets (cidr, name) VALUES ('10.99.0.0/16', 'lab');
    INSERT INTO subnet_servers SELECT id, 'lab' FROM subnets;
    INSERT INTO reservations (mac, address, name)
    SELECT ('02:00:00:00:' || to_hex(i / 256) || ':' || to_hex(i % 256))::macaddr, '10.99.1.0'::inet + i, 'host-' || i
    FROM generate_series(1, 500) AS i;`)
  const lab = await startLab()
  await lab.startDnsmasq()
  const file = join(lab.confDir, "01-leasehold.conf")
  const child = startRenderer(url, {
    RENDERER_FILE: file,
    RENDERER_ACTIVATE: lab.restartCommand,
    RENDERER_PID_FILE: lab.pidFile,
    RENDERER_RESTART_INTERVAL: "1 millis",
    RENDERER_SETTLE: "10 millis"
  })
  const inode = () => statSync(file, { throwIfNoEntry: false })?.ino
  const took: Array<number> = []
  for (let round = 0; round < 40; round++) {
    await until("apply the change", () => isApplied(client))
    await sleep(100)
    const before = inode()
    await client.query("UPDATE reservations SET name = $1 WHERE address = '10.99.1.7'", [`renamed-${round}`])
    const committed = performance.now()
    await until("write the file", async () => inode() !== before)
    took.push(performance.now() - committed)
  }
  await until("apply the change", () => isApplied(client))
  child.kill("SIGTERM")
  await ended(child)
  await lab.stop()
  await client.end()
  const middle = median(took)
  return {
    what: "reservation committed → new file in place, p50",
    ours: ms(middle),
    limit: "50 ms (debounce)",
    ratio: middle / 50,
    reach: "≤ 80 ms",
    met: middle <= 80,
    note: "mode conf with 500 reservations beside a real dnsmasq, its check of the candidate included"
  }
}

export async function rendererRows(): Promise<ReadonlyArray<BenchRow>> {
  const directory = mkdtempSync(join(tmpdir(), "leasehold-bench-renderer-"))
  const postgres = await startPostgres()
  try {
    const large = await postgres.createDatabase()
    await migrate(large)
    const client = new pg.Client({ connectionString: large })
    await client.connect()
    for (const statement of fill.split(";\n")) await client.query(statement)
    await client.end()
    const rows = [await measureRendering(large, directory), await measureMemory(large, directory)]
    if (!labSupport().available) return rows
    const small = await freshDatabase(postgres.url)
    await migrate(small)
    return [...rows, await measureLatency(small)]
  } finally {
    await postgres.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}
