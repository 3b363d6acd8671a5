import { freshDatabase, startPostgres } from "@leasehold/devstack"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readdirSync } from "node:fs"
import pg from "pg"
import { assert, inject, it } from "vitest"
import { migrate } from "../migrate.ts"

const files = readdirSync(new URL("../../migrations/", import.meta.url)).filter((file) => /^\d/u.test(file))
  .toSorted()
const script = new URL("../migrate.ts", import.meta.url).pathname

const query = async (url: string, sql: string): Promise<ReadonlyArray<Record<string, unknown>>> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client.query<Record<string, unknown>>(sql).then(({ rows }) => rows).finally(() => client.end())
}
const tables = (url: string) => query(url, "SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'public'")

/** Who may do what, apart from the owner; everybody is one of them. */
const rights = (url: string): Promise<ReadonlyArray<Record<string, unknown>>> =>
  query(
    url,
    `SELECT a.what, CASE a.grantee WHEN 0 THEN 'everybody' ELSE a.grantee::regrole::text END AS who, a.privilege_type
    FROM (
      SELECT c.oid::regclass::text AS what, x.* FROM pg_class c, aclexplode(c.relacl) x
      UNION ALL SELECT attrelid::regclass || '.' || attname, x.* FROM pg_attribute, aclexplode(attacl) x
      UNION ALL SELECT p.oid::regprocedure::text, x.*
        FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
      UNION ALL SELECT nspname, x.* FROM pg_namespace, aclexplode(nspacl) x
    ) AS a ORDER BY a.what COLLATE "C", who, privilege_type`
  )

it("applies each file once", async () => {
  const url = await freshDatabase(inject("pgUrl"))
  assert.deepStrictEqual(await migrate(url), files)
  const before = await tables(url)
  assert.deepStrictEqual(await migrate(url), [])
  assert.deepStrictEqual(await tables(url), before)
})

it("applies each file once when several processes start at the same time", async () => {
  const url = await freshDatabase(inject("pgUrl"))
  const applied = await Promise.all(Array.from({ length: 5 }, () => migrate(url)))
  assert.deepStrictEqual(applied.flat(), files)
})

it("may run on several databases of one cluster at the same time, which share their roles", async () => {
  const urls = await Promise.all(Array.from({ length: 4 }, () => freshDatabase(inject("pgUrl"))))
  const applied = await Promise.all(urls.map((url) => migrate(url)))
  assert.deepStrictEqual(applied, urls.map(() => files))
})

it("needs no superuser, and lets its user become the roles", async () => {
  const admin = inject("pgUrl")
  const url = new URL(await freshDatabase(admin))
  const owner = `owner_${url.pathname.slice(1)}`
  await query(admin, `CREATE ROLE ${owner} LOGIN CREATEROLE PASSWORD 'secret'`)
  await query(admin, "DO $$ BEGIN CREATE ROLE registry; EXCEPTION WHEN duplicate_object THEN END $$")
  await query(admin, "DO $$ BEGIN CREATE ROLE renderer; EXCEPTION WHEN duplicate_object THEN END $$")
  await query(admin, `GRANT registry, renderer TO ${owner} WITH ADMIN OPTION`)
  await query(admin, `ALTER DATABASE ${url.pathname.slice(1)} OWNER TO ${owner}`)
  url.username = owner
  url.password = "secret"
  assert.deepStrictEqual(await migrate(url.href), files)
  for (const role of ["registry", "renderer"]) {
    url.searchParams.set("options", `-c role=${role}`)
    assert.deepStrictEqual(await query(url.href, "SELECT current_user::text AS me"), [{ me: role }])
  }
})

it("gives a database that was restored in a new cluster the roles and rights that are not in its dump", async () => {
  // Roles belong to a cluster: this one is nobody else's.
  const postgres = await startPostgres()
  try {
    await migrate(postgres.url)
    const before = await rights(postgres.url)
    assert.includeMembers(before.map(({ who }) => who), ["registry", "renderer"])
    await query(postgres.url, "DROP OWNED BY registry, renderer; DROP ROLE registry, renderer")
    await query(postgres.url, "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO PUBLIC")
    assert.notDeepEqual(await rights(postgres.url), before)
    assert.deepStrictEqual(await migrate(postgres.url), [])
    assert.deepStrictEqual(await rights(postgres.url), before)
  } finally {
    await postgres.stop()
  }
})

it("leaves nothing of a file that fails, and says which it was", async () => {
  const url = await freshDatabase(inject("pgUrl"))
  await query(url, "CREATE TABLE subnets (mine int)")
  const problem = await migrate(url).then(() => "", String)
  assert.match(problem, /migration 0001_initial\.sql failed: relation "subnets" already exists/u)
  assert.deepStrictEqual(await tables(url), [{ n: 2 }])
  await query(url, "DROP TABLE subnets")
  assert.deepStrictEqual(await migrate(url), files)
})

it("refuses a database whose migrations were other ones", async () => {
  const url = await freshDatabase(inject("pgUrl"))
  await migrate(url)
  await query(url, "UPDATE schema_migrations SET hash = 'other'")
  assert.match(await migrate(url).then(() => "", String), /0001_initial\.sql was changed after it had been applied/u)
})

it("is a command that says what it did", async () => {
  const run = async (env: Readonly<Record<string, string | undefined>>) => {
    const child = spawn(process.execPath, [script], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let said = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk) => {
        said += String(chunk)
      })
    }
    const [code] = await once(child, "close")
    return { code: Number(code), said }
  }
  const url = await freshDatabase(inject("pgUrl"))
  assert.deepStrictEqual(await run({ DATABASE_URL: url }), {
    code: 0,
    said: files.map((file) => `applied ${file}\n`).join("")
  })
  assert.deepStrictEqual(await run({ DATABASE_URL: url }), { code: 0, said: "nothing to migrate\n" })
  const without = await run({ DATABASE_URL: "" })
  assert.strictEqual(without.code, 2)
  assert.include(without.said, "DATABASE_URL is not set")
})
