/**
 * An import of ten thousand hosts through the registry's own service, against `COPY` of the same rows into an equal table
 * without triggers.
 *
 * The import does more than the copy, and is meant to: it looks for who is in the way, completes each row, and writes a
 * fact and an entry of the change log for it. The copied table has the same constraints and indexes, foreign keys apart.
 */
import { startPostgres } from "@leasehold/devstack"
import { Hostname, Ipv4, Mac } from "@leasehold/events"
import { Postgres } from "@leasehold/runtime"
import { ConfigProvider, Effect, Layer, ManagedRuntime, Schema } from "effect"
import pg from "pg"
import { Administration } from "../apps/registry/src/administration/Administration.ts"
import { Imports, type Item } from "../apps/registry/src/ipam/Imports.ts"
import { migrate } from "../scripts/migrate.ts"
import type { BenchRow } from "./BenchRow.ts"

const count = 10_000
const rounds = 3
const reach = 0.1

const decodeMac = Schema.decodeSync(Mac)
const decodeAddress = Schema.decodeSync(Ipv4)
const decodeName = Schema.decodeSync(Hostname)
const hex = (number: number) => (number & 255).toString(16).padStart(2, "0")

const items: ReadonlyArray<Item> = Array.from({ length: count }, (_, index) => ({
  index,
  automatic: false,
  settings: {
    macs: [decodeMac(`00:16:3e:${hex(index >> 16)}:${hex(index >> 8)}:${hex(index)}`)],
    address: decodeAddress(`10.0.${1 + (index >> 8)}.${index & 255}`),
    subnet: undefined,
    name: decodeName(`client-${index}`),
    ignore: false,
    leaseTime: undefined,
    enabled: true,
    comment: ""
  }
}))

const seconds = async (run: () => Promise<unknown>) => {
  const start = performance.now()
  await run()
  return (performance.now() - start) / 1000
}

/** One database for each import: the first import finds an empty table, as the copy does. */
async function importSeconds(url: string): Promise<number> {
  const database = Postgres.layer("registry").pipe(
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { DATABASE_URL: url } }))),
    Layer.orDie
  )
  const runtime = ManagedRuntime.make(
    Imports.layer.pipe(Layer.provideMerge(Administration.layer), Layer.provideMerge(database))
  )
  const imported = Effect.gen(function*() {
    const imports = yield* Imports
    const caller = { actor: "local:bench", scope: "administer" } as const
    const { created } = yield* imports.run(caller, { items, problems: [], mode: "add", dryRun: false })
    if (created !== count) return yield* Effect.die(new Error(`${created} of ${count} were imported`))
  })
  try {
    await runtime.runPromise(Effect.flatMap(Postgres, (postgres) => postgres.query("SELECT 1")))
    return await seconds(() => runtime.runPromise(imported))
  } finally {
    await runtime.dispose()
  }
}

const bareSql = "CREATE TABLE bare (LIKE reservations INCLUDING ALL)"
const copySql = "COPY bare (subnet_id, subnet, domain, mac, address, name, source) FROM STDIN"

async function copySeconds(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(bareSql)
    const rows = Buffer.from(
      items.map(({ settings: { address, macs, name } }) =>
        `1\t10.0.0.0/16\t\t${macs[0]}\t${address}\t${name}\timport\n`
      ).join("")
    )
    return await seconds(() => copyIn(client, copySql, rows))
  } finally {
    await client.end()
  }
}

/** What the types of `pg` leave out. */
interface CopyingConnection {
  readonly sendCopyFromChunk: (rows: Buffer) => void
  readonly endCopyFrom: () => void
}

/** `pg` has no COPY; this is what it leaves to whoever submits a query of their own. */
const copyIn = (client: pg.Client, sql: string, rows: Buffer) =>
  new Promise<void>((resolve, reject) => {
    client.query({
      submit: (connection: pg.Connection) => connection.query(sql),
      handleCopyInResponse: (connection: CopyingConnection) => {
        connection.sendCopyFromChunk(rows)
        connection.endCopyFrom()
      },
      handleCommandComplete: () => undefined,
      handleReadyForQuery: () => resolve(),
      handleError: reject
    })
  })

export async function importRows(): Promise<ReadonlyArray<BenchRow>> {
  const postgres = await startPostgres({ durable: true })
  try {
    const template = await postgres.createDatabase()
    await migrate(template)
    const client = new pg.Client({ connectionString: template })
    await client.connect()
    await client.query("INSERT INTO dhcp_servers (server) VALUES ('bench')")
    await client.query("INSERT INTO subnets (cidr, name) VALUES ('10.0.0.0/16', 'bench')")
    await client.query("INSERT INTO subnet_servers SELECT id, 'bench' FROM subnets")
    await client.end()
    const name = new URL(template).pathname.slice(1)
    const best = { ours: Infinity, bare: Infinity }
    for (let round = 0; round < rounds; round++) {
      best.bare = Math.min(best.bare, await copySeconds(await postgres.createDatabase(name)))
      best.ours = Math.min(best.ours, await importSeconds(await postgres.createDatabase(name)))
    }
    const ratio = best.bare / best.ours
    return [{
      what: "registry: import of 10,000 hosts",
      ours: `${Math.round(count / best.ours).toLocaleString("en")}/s`,
      limit: `${Math.round(count / best.bare).toLocaleString("en")}/s`,
      ratio,
      reach: `≥ ${reach}`,
      met: ratio >= reach,
      note: `${best.ours.toFixed(2)} s in one transaction with facts and change log, COPY without triggers ${
        best.bare.toFixed(2)
      } s`
    }]
  } finally {
    await postgres.stop()
  }
}
