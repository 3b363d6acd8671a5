import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import pg from "pg"
import { assert, inject, it, onTestFinished } from "vitest"
import { freshDatabase, type Postgres, startPostgres } from "../src/index.ts"
import { scratchDirectory } from "../src/ScratchDirectory.ts"

const place = async () => {
  const scratch = await scratchDirectory("test")
  onTestFinished(() => scratch.remove())
  return join(scratch.path, "data")
}
const started = async (options: Parameters<typeof startPostgres>[0]): Promise<Postgres> => {
  const postgres = await startPostgres(options)
  onTestFinished(() => postgres.stop())
  return postgres
}
const query = async (url: string, sql: string): Promise<ReadonlyArray<unknown>> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<Record<string, unknown>>({ text: sql }).finally(() => client.end())
  return rows
}
const rejection = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => "no failure", (error: unknown) => error instanceof Error ? error.message : String(error))

it("gives every caller an empty database of its own", async () => {
  const [one, other] = await Promise.all([freshDatabase(inject("pgUrl")), freshDatabase(inject("pgUrl"))])
  await query(one, "CREATE TABLE only_here (a int)")
  assert.deepStrictEqual(await query(other, "SELECT count(*)::int FROM pg_tables WHERE tablename = 'only_here'"), [{
    count: 0
  }])
})

it("copies a template", async () => {
  const template = await freshDatabase(inject("pgUrl"))
  await query(template, "CREATE TABLE copied AS SELECT 7 AS a")
  const copy = await freshDatabase(inject("pgUrl"), new URL(template).pathname.slice(1))
  assert.deepStrictEqual(await query(copy, "SELECT a FROM copied"), [{ a: 7 }])
})

it("keeps every committed row when it is killed, and comes back on the same port", async () => {
  const dir = await place()
  const first = await started({ dir })
  await query(first.url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS a")
  await first.kill()
  const second = await started({ dir, port: first.port })
  assert.strictEqual(second.url, first.url)
  assert.notStrictEqual(second.pid, first.pid)
  assert.deepStrictEqual(await query(second.url, "SELECT count(*)::int FROM kept"), [{ count: 1000 }])
})

it("starts although a note of a dead postmaster names a process that lives", async () => {
  const dir = await place()
  const first = await started({ dir })
  const note = await readFile(join(dir, "postmaster.pid"), "utf8")
  await first.kill()
  await writeFile(join(dir, "postmaster.pid"), note.replace(/^\d+/, String(process.pid)))
  const second = await started({ dir })
  assert.deepStrictEqual(await query(second.url, "SELECT 1 AS a"), [{ a: 1 }])
})

it("says so when the directory is in use or the port is taken", async () => {
  const dir = await place()
  const first = await started({ dir })
  assert.match(await rejection(startPostgres({ dir })), /^PostgreSQL already runs on .* \(process \d+\)/)
  assert.match(await rejection(startPostgres({ port: first.port })), /the port is in use/)
})

it("makes its cluster again after an initdb that did not finish", async () => {
  const dir = await place()
  await mkdir(`${dir}.init-999999999`)
  const postgres = await started({ dir })
  assert.deepStrictEqual(await query(postgres.url, "SELECT 1 AS a"), [{ a: 1 }])
  assert.match(await rejection(readFile(`${dir}.init-999999999`)), /ENOENT/)
})

it("refuses a superuser without the password", async () => {
  const url = new URL(inject("pgUrl"))
  url.password = "postgres"
  assert.match(await rejection(query(url.href, "SELECT 1")), /password authentication failed/)
})
