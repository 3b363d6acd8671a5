import { afterAll, assert, beforeAll, it } from "vitest"
import { type ServedRegistry, serveRegistry } from "../api/ServedRegistry.ts"

/** Of 500 each. */
const pages = 25

let served: ServedRegistry
beforeAll(async () => {
  served = await serveRegistry()
  await served.database.query(
    `INSERT INTO systems (mac, name, name_source, first_seen, last_seen, server, server_stamp)
     SELECT mac, 'old-' || n, 'generated', now(), now(), 'lab', iso_timestamp(now()) || ' ' || md5(n::text) || '00000000'
     FROM (
       SELECT n, regexp_replace('02163e' || lpad(to_hex(n), 6, '0'), '(..)(?!$)', '\\1:', 'g')::macaddr AS mac
       FROM generate_series(1, $1::int) AS n
     ) AS x`,
    [pages * 500]
  )
})
afterAll(() => served?.stop())

it("who gives too little time to rename everything is told how far it came, by which change, and can go on", async () => {
  await served.database.query(
    `CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$;
     CREATE TRIGGER dawdle BEFORE UPDATE ON systems FOR EACH STATEMENT EXECUTE FUNCTION dawdle()`
  )
  const request = { policy: { pattern: "pc-{mac:6}" }, updateMask: { paths: ["pattern"] }, apply: true }
  const error = await served.client.fail("PolicyService/UpdatePolicy", request, { deadline: 10_000 })
  await served.database.query("DROP TRIGGER dawdle ON systems")
  assert.strictEqual(error.code, "DEADLINE_EXCEEDED")
  const [, told = "", change = ""] = /; (\d+) systems were renamed before that \(change (\d+)\)/u.exec(error.details) ??
    []
  const renamed = async () => (await served.database.query("SELECT FROM systems WHERE name LIKE 'pc-%'")).length
  assert.strictEqual(await renamed(), Number(told))
  const { changes } = await served.client.call("IpamService/ListChanges", { id: change })
  // The policy is a row of it too.
  assert.deepInclude(Array.isArray(changes) ? changes[0] : {}, { id: change, rowCount: String(Number(told) + 1) })
  const rest = await served.client.call("PolicyService/UpdatePolicy", request)
  assert.strictEqual(Number(rest["renamed"]) + Number(told), pages * 500)
  assert.strictEqual(await renamed(), pages * 500)
})
