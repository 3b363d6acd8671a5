import pg from "pg"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"

let database: RegistryDatabase
const clients = new Map<string, pg.Client>()
beforeAll(async () => {
  database = await registryDatabase()
  await database.query("INSERT INTO subnets (cidr, name) VALUES ('10.0.0.0/24', 'one')")
  for (const role of ["registry", "renderer"]) {
    const client = new pg.Client({ connectionString: database.url, options: `-c role=${role}` })
    await client.connect()
    clients.set(role, client)
  }
})
afterAll(async () => {
  for (const client of clients.values()) await client.end()
  await database?.close()
})

const tried = async (role: string, sql: string): Promise<string> => {
  const client = clients.get(role)
  if (client === undefined) throw new Error(`no ${role}`)
  return client.query(sql).then(
    () => "done",
    (error: unknown) => error instanceof pg.DatabaseError ? error.code ?? "" : String(error)
  )
}
const denied = "42501"

describe("the role registry", () => {
  for (
    const sql of [
      "INSERT INTO systems (mac, name, name_source, first_seen, last_seen, server, server_stamp) VALUES ('00:16:3e:00:00:01', 'nas', 'client', now(), now(), 'lab', '')",
      "INSERT INTO reservations (mac, address, name, source) VALUES ('00:16:3e:00:00:01', '10.0.0.7', 'nas', 'auto')",
      "DELETE FROM outbox",
      "INSERT INTO subnets (cidr, name) VALUES ('10.1.0.0/24', 'two')",
      "INSERT INTO dhcp_servers (server) VALUES ('lab')"
    ]
  ) {
    it(`may ${sql.slice(0, 60)}`, async () => {
      assert.strictEqual(await tried("registry", sql), "done")
    })
  }
  for (
    const sql of [
      "CREATE TABLE mine (a int)",
      "ALTER TABLE systems ADD COLUMN mine int",
      "DROP TABLE outbox",
      "TRUNCATE systems",
      "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
      "UPDATE change_log SET actor = 'somebody else'",
      "INSERT INTO change_log (change, actor, action, entity, relation, key, label) VALUES (1, 'a', 'b', 'subnet', 'c', 'd', 'e')",
      "DELETE FROM api_tokens",
      "UPDATE dhcp_servers SET wanted_generation = 99",
      "UPDATE dhcp_servers SET applied_generation = 99",
      "SELECT want_new_generation('{lab}')",
      "SELECT * FROM schema_migrations"
    ]
  ) {
    it(`may not ${sql}`, async () => {
      assert.strictEqual(await tried("registry", sql), denied)
    })
  }
})

describe("the role renderer", () => {
  for (
    const sql of [
      "SELECT * FROM reservations JOIN subnets ON subnets.id = subnet_id JOIN subnet_servers USING (subnet_id)",
      "INSERT INTO dhcp_servers (server) VALUES ('annex') ON CONFLICT DO NOTHING",
      "UPDATE dhcp_servers SET attempted_generation = 1, attempted_at = now(), result = 'failed', error = 'x' WHERE server = 'annex'"
    ]
  ) {
    it(`may ${sql.slice(0, 60)}`, async () => {
      assert.strictEqual(await tried("renderer", sql), "done")
    })
  }
  it("has its facts written for it", async () => {
    assert.deepStrictEqual(await database.query("SELECT subject FROM outbox WHERE type = 'server.failed'"), [
      { subject: "discovery.v1.server.failed.annex" }
    ])
  })
  for (
    const sql of [
      "INSERT INTO reservations (mac, address, name) VALUES ('00:16:3e:00:00:02', '10.0.0.8', 'tv')",
      "UPDATE reservations SET name = 'tv'",
      "DELETE FROM reservations",
      "SELECT * FROM systems",
      "SELECT * FROM sightings",
      "SELECT * FROM outbox",
      "INSERT INTO outbox (subject, type, body) VALUES ('x', 'x', '{}')",
      "UPDATE dhcp_servers SET wanted_generation = 99",
      "UPDATE dhcp_servers SET server = 'other'",
      "INSERT INTO dhcp_servers (server, wanted_generation) VALUES ('other', 7)",
      "DELETE FROM dhcp_servers",
      "CREATE TABLE mine (a int)"
    ]
  ) {
    it(`may not ${sql}`, async () => {
      assert.strictEqual(await tried("renderer", sql), denied)
    })
  }
})
