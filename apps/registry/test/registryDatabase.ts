/** A migrated database of its own for a test file, what a superuser asks of it, and the registry's layers over it. */
import { freshDatabase } from "@leasehold/devstack"
import { Postgres } from "@leasehold/runtime"
import { ConfigProvider, Effect, Layer } from "effect"
import pg from "pg"
import { inject } from "vitest"
import { migrate } from "../../../scripts/migrate.ts"
import { Applier } from "../src/apply/Applier.ts"

export interface RegistryDatabase {
  readonly url: string
  query<Row extends object>(sql: string, values?: ReadonlyArray<unknown>): Promise<ReadonlyArray<Row>>
  close(): Promise<void>
}

const names = new Map<string, Promise<string>>()
const templateOf = (pgUrl: string): Promise<string> => {
  const known = names.get(pgUrl)
  if (known !== undefined) return known
  const made = freshDatabase(pgUrl).then(async (url) => {
    await migrate(url)
    return new URL(url).pathname.slice(1)
  })
  names.set(pgUrl, made)
  return made
}

/** Each call makes another database; the schema is made once a file. */
export const registryDatabase = async (pgUrl = inject("pgUrl")): Promise<RegistryDatabase> => {
  const url = await freshDatabase(pgUrl, await templateOf(pgUrl))
  const pool = new pg.Pool({ connectionString: url, max: 2, options: "-c TimeZone=UTC" })
  pool.on("error", () => undefined)
  return {
    url,
    query: async <Row extends object>(sql: string, values: ReadonlyArray<unknown> = []) =>
      (await pool.query<Row>(sql, [...values])).rows,
    close: () => pool.end()
  }
}

export const databaseLayer = (url: string) =>
  Postgres.layer("registry").pipe(
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { DATABASE_URL: url } }))),
    Layer.orDie
  )

/** Runs an effect with an applier over the database. */
export const withApplier = <A, E>(url: string, use: Effect.Effect<A, E, Applier | Postgres>): Promise<A> =>
  Effect.runPromise(Effect.provide(use, Applier.layer.pipe(Layer.provideMerge(databaseLayer(url)))))

/** Everything that follows from events, as text: what is not the same in two databases differs here. */
export const dump = async (database: RegistryDatabase): Promise<Readonly<Record<string, ReadonlyArray<string>>>> => {
  const rows = async (sql: string) =>
    (await database.query<{ row: string }>(`SELECT to_jsonb(t)::text AS row FROM (${sql}) AS t ORDER BY 1`))
      .map(({ row }) => row)
  return {
    systems: await rows("SELECT * FROM systems"),
    sightings: await rows("SELECT * FROM sightings"),
    history: await rows("SELECT * FROM address_history"),
    reservations: await rows(
      "SELECT subnet, domain, mac, address, name, lease_time, enabled, source, observed_at FROM reservations"
    ),
    gaps: await rows("SELECT * FROM gaps"),
    usage: await rows("SELECT * FROM subnet_usage WHERE automatic > 0")
  }
}
