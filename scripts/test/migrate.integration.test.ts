import { freshDatabase } from "@leasehold/devstack"
import { DiscoveryFact } from "@leasehold/events"
import { Schema } from "effect"
import pg from "pg"
import { assert, beforeAll, describe, inject, it } from "vitest"
import { migrate } from "../migrate.ts"

const connected = async <A>(url: string, use: (client: pg.Client) => Promise<A>, options = "") => {
  const client = new pg.Client({ connectionString: url, options })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

const refusal = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(() => undefined, (error: unknown) => error instanceof pg.DatabaseError ? error.code : String(error))

describe("migrate", () => {
  it("applies each file once, however often it is run", async () => {
    const url = await freshDatabase(inject("pgUrl"))
    assert.deepStrictEqual(await migrate(url), ["0001_initial.sql"])
    assert.deepStrictEqual(await migrate(url), [])
  })

  it("may be run by many at once, on one database and on several of a cluster", async () => {
    const urls = await Promise.all([1, 2, 3].map(() => freshDatabase(inject("pgUrl"))))
    const applied = await Promise.all(urls.flatMap((url) => [migrate(url), migrate(url), migrate(url)]))
    assert.strictEqual(applied.flat().length, urls.length)
  })
})

describe("the schema", () => {
  let url: string
  beforeAll(async () => {
    url = await freshDatabase(inject("pgUrl"))
    await migrate(url)
    await connected(url, async (client) => {
      await client.query("INSERT INTO dhcp_servers (server) VALUES ('lab')")
      await client.query("INSERT INTO subnets (cidr, name, gateway) VALUES ('10.0.0.0/24', 'lab', '10.0.0.1')")
      await client.query("INSERT INTO subnet_servers SELECT id, 'lab' FROM subnets")
    })
  })

  const administrator = (text: string) => connected(url, (client) => client.query(text))
  const as = (role: string, text: string) => connected(url, (client) => client.query(text), `-c role=${role}`)

  const forbidden: ReadonlyArray<readonly [string, string]> = [
    ["registry", "CREATE TABLE mine (n int)"],
    ["registry", "ALTER TABLE systems ADD COLUMN n int"],
    ["registry", "TRUNCATE reservations"],
    ["renderer", "CREATE TABLE mine (n int)"],
    ["renderer", "INSERT INTO reservations (mac, address, name) VALUES ('00:16:3e:00:00:01', '10.0.0.9', 'x')"],
    ["renderer", "UPDATE reservations SET name = 'x'"],
    ["renderer", "UPDATE dhcp_servers SET wanted_generation = 99"],
    ["renderer", "DELETE FROM dhcp_servers"],
    ["renderer", "SELECT * FROM systems"],
    ["renderer", "SELECT * FROM outbox"]
  ]
  for (const [role, text] of forbidden) {
    it(`does not let ${role} ${text.slice(0, 40)}`, async () => {
      assert.strictEqual(await refusal(as(role, text)), "42501")
    })
  }

  const invalid: ReadonlyArray<readonly [string, string, string]> = [
    ["overlapping subnets", "INSERT INTO subnets (cidr, name) VALUES ('10.0.0.128/25', 'half')", "23P01"],
    [
      "an address in no subnet",
      "INSERT INTO reservations (mac, address, name) VALUES ('00:16:3e:00:00:01', '10.9.0.9', 'x')",
      "23514"
    ],
    [
      "the network address",
      "INSERT INTO reservations (mac, address, name) VALUES ('00:16:3e:00:00:01', '10.0.0.0', 'x')",
      "23514"
    ],
    [
      "the broadcast address",
      "INSERT INTO reservations (mac, address, name) VALUES ('00:16:3e:00:00:01', '10.0.0.255', 'x')",
      "23514"
    ],
    [
      "a keyword of dnsmasq as a name",
      "INSERT INTO reservations (mac, address, name) VALUES ('00:16:3e:00:00:01', '10.0.0.9', 'ignore')",
      "23514"
    ],
    [
      "a lease time as a name",
      "INSERT INTO reservations (mac, address, name) VALUES ('00:16:3e:00:00:01', '10.0.0.9', '12h')",
      "23514"
    ],
    [
      "a name with a comma",
      "INSERT INTO reservations (mac, address, name) VALUES ('00:16:3e:00:00:01', '10.0.0.9', 'a,b')",
      "23514"
    ]
  ]
  for (const [what, text, code] of invalid) {
    it(`refuses ${what}`, async () => {
      assert.strictEqual(await refusal(administrator(text)), code)
    })
  }

  it("takes MAC, address and name from an administrator, tells the renderer, and announces it", async () => {
    const heard: Array<string> = []
    await connected(url, async (client) => {
      client.on("notification", ({ payload }) => heard.push(payload ?? ""))
      await client.query("LISTEN render")
      await client.query(
        "INSERT INTO reservations (mac, address, name) VALUES ('00:16:3e:00:00:02', '10.0.0.20', 'nas')"
      )
      await client.query("UPDATE reservations SET address = '10.0.0.21' WHERE name = 'nas'")
      // What the file does not show wakes nobody.
      await client.query("UPDATE reservations SET comment = 'under the desk' WHERE name = 'nas'")
      assert.strictEqual(
        await refusal(
          client.query(
            "INSERT INTO reservations (mac, address, name) VALUES ('00:16:3e:00:00:03', '10.0.0.21', 'other')"
          )
        ),
        "23505"
      )
      await client.query("DELETE FROM reservations WHERE name = 'nas'")
      const { rows } = await client.query<{ body: unknown }>("SELECT body FROM outbox ORDER BY id")
      const facts = rows.map(({ body }) => Schema.decodeUnknownSync(DiscoveryFact)(body))
      assert.deepStrictEqual(facts.map(({ type }) => type), [
        "reservation.created",
        "reservation.changed",
        "reservation.removed"
      ])
    })
    assert.deepStrictEqual(heard, ["lab", "lab", "lab"])
  })

  it("announces what a renderer records, and the same result only once", async () => {
    await connected(url, async (client) => {
      await client.query("DELETE FROM outbox")
      const record =
        "UPDATE dhcp_servers SET applied_generation = 2, applied_hash = repeat('a', 64), applied_at = now(), applied_reservations = 1, result = 'applied'"
      await client.query(record)
      await client.query(record)
      await client.query(
        "UPDATE dhcp_servers SET result = 'failed', attempted_generation = 3, attempted_at = now(), error = 'no \u001b[31m luck'"
      )
      const { rows } = await client.query<{ body: unknown }>("SELECT body FROM outbox ORDER BY id")
      const facts = rows.map(({ body }) => Schema.decodeUnknownSync(DiscoveryFact)(body))
      assert.deepStrictEqual(facts.map(({ type }) => type), ["server.applied", "server.failed"])
    })
  })
})
