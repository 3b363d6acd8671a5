/**
 * Brings a database to the schema of `migrations/`: plain SQL, forward only, each file in one transaction of its own; then
 * makes sure of the roles and their rights, which a restored database may lack.
 *
 * Safe to run twice and from several processes at once, also on several databases of one cluster. A file that was
 * applied must not change afterwards: that is refused.
 */
import { createHash } from "node:crypto"
import { readdir, readFile } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"
import pg from "pg"

const directory = new URL("../migrations/", import.meta.url)
const lock = 7_220_003

/** A server that starts up, or a cluster-wide row (roles) that another database's migration changed at this moment. */
const passing = new Set(["57P03", "53300", "40001", "40P01", "XX000"])

/** Applies what is missing and returns the names of the files that it applied. */
export async function migrate(url: string): Promise<ReadonlyArray<string>> {
  for (let attempt = 1;; attempt++) {
    try {
      return await migrateOnce(url)
    } catch (error) {
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
      if (attempt >= 20 || !(cause instanceof pg.DatabaseError) || !passing.has(cause.code ?? "")) throw error
      await sleep(100 * Math.random() * attempt)
    }
  }
}

async function migrateOnce(url: string): Promise<ReadonlyArray<string>> {
  const client = new pg.Client({ connectionString: url, application_name: "leasehold-migrate" })
  // A connection that breaks while no query runs is told by the next query.
  client.on("error", () => undefined)
  await client.connect()
  try {
    await client.query("SELECT pg_advisory_lock($1)", [lock])
    await client.query(
      "CREATE TABLE IF NOT EXISTS schema_migrations"
        + " (name text PRIMARY KEY, hash text NOT NULL, at timestamptz NOT NULL DEFAULT now())"
    )
    const known = await client.query<{ name: string; hash: string }>("SELECT name, hash FROM schema_migrations")
    const done = new Map(known.rows.map((row) => [row.name, row.hash]))
    const files = (await readdir(directory)).filter((name) => /^\d{4}_\w+\.sql$/u.test(name)).toSorted()
    const applied: Array<string> = []
    for (const file of files) {
      const text = await readFile(new URL(file, directory), "utf8")
      const hash = createHash("sha256").update(text).digest("hex")
      const before = done.get(file)
      if (before === undefined) {
        await inTransaction(client, file, async () => {
          await client.query(text)
          await client.query("INSERT INTO schema_migrations (name, hash) VALUES ($1, $2)", [file, hash])
        })
        applied.push(file)
      } else if (before !== hash) {
        throw new Error(`migration ${file} was changed after it had been applied: add a new file instead`)
      }
    }
    const rights = await readFile(new URL("roles.sql", directory), "utf8")
    await inTransaction(client, "roles.sql", () => client.query(rights))
    return applied
  } finally {
    await client.end()
  }
}

async function inTransaction(client: pg.Client, file: string, work: () => Promise<unknown>): Promise<void> {
  await client.query("BEGIN")
  try {
    await work()
    await client.query("COMMIT")
  } catch (cause) {
    await client.query("ROLLBACK").catch(() => undefined)
    throw new Error(`migration ${file} failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

if (import.meta.main) {
  const url = process.env["DATABASE_URL"]
  if (url === undefined || url === "") {
    process.stderr.write(
      "DATABASE_URL is not set: it names the database to migrate, as postgres://user@host/database\n"
    )
    process.exit(2)
  }
  try {
    const applied = await migrate(url)
    process.stdout.write(
      applied.length === 0 ? "nothing to migrate\n" : applied.map((name) => `applied ${name}\n`).join("")
    )
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  }
}
