/** A migrated database of its own, with a server `lab` that has the subnet 10.99.0.0/16, and what a superuser asks of it. */
import { freshDatabase } from "@leasehold/devstack"
import { Effect } from "effect"
import pg from "pg"
import { inject } from "vitest"
import { migrate } from "../../../scripts/migrate.ts"

export interface ServerRow {
  readonly wanted_generation: string
  readonly applied_generation: string | null
  readonly applied_hash: string | null
  readonly applied_reservations: number | null
  readonly attempted_generation: string | null
  readonly result: string | null
  readonly error: string | null
}

export interface TestDatabase {
  readonly url: string
  query<Row extends object>(text: string, values?: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<Row>>
  readonly row: Effect.Effect<ServerRow>
  reserve(mac: string, address: string, name: string): Effect.Effect<void>
}

let template: Promise<string> | undefined
const templateOf = async () => {
  const url = await freshDatabase(inject("pgUrl"))
  await migrate(url)
  return new URL(url).pathname.slice(1)
}

const open = async () => {
  template ??= templateOf()
  const url = await freshDatabase(inject("pgUrl"), await template)
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  pool.on("error", () => undefined)
  return { url, pool }
}

export const testDatabase = Effect.gen(function*() {
  const { pool, url } = yield* Effect.acquireRelease(
    Effect.promise(open),
    ({ pool }) => Effect.promise(() => pool.end())
  )
  const query = <Row extends object>(text: string, values: ReadonlyArray<unknown> = []) =>
    Effect.promise(async () => (await pool.query<Row>(text, [...values])).rows)
  yield* query(`
    INSERT INTO dhcp_servers (server) VALUES ('lab');
    INSERT INTO subnets (cidr, name) VALUES ('10.99.0.0/16', 'lab');
    INSERT INTO subnet_servers SELECT id, 'lab' FROM subnets;`)
  const database: TestDatabase = {
    url,
    query,
    row: Effect.flatMap(
      query<ServerRow>("SELECT * FROM dhcp_servers WHERE server = 'lab'"),
      ([row]) => Effect.fromNullishOr(row)
    ).pipe(Effect.orDie),
    reserve: (mac, address, name) =>
      Effect.asVoid(query("INSERT INTO reservations (mac, address, name) VALUES ($1, $2, $3)", [mac, address, name]))
  }
  return database
})
