/** What the database does by itself when an administrator writes to it: completing, refusing, announcing, waking renderers. */
import { DiscoveryFact } from "@leasehold/events"
import { Schema } from "effect"
import pg from "pg"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"

let database: RegistryDatabase
let listener: pg.Client
const heard: Array<string> = []
beforeAll(async () => {
  database = await registryDatabase()
  listener = new pg.Client({ connectionString: database.url })
  await listener.connect()
  listener.on("notification", ({ payload }) => heard.push(payload ?? ""))
  await listener.query("LISTEN render")
})
afterAll(async () => {
  await listener?.end()
  await database?.close()
})
beforeEach(async () => {
  await database.query(
    "TRUNCATE reservations, subnet_servers, subnets, dhcp_servers, outbox, given_names, pending_names, subnet_usage CASCADE"
  )
  await database.query("INSERT INTO dhcp_servers (server) VALUES ('lab'), ('annex'), ('idle')")
  await database.query("INSERT INTO subnets (cidr, name) VALUES ('10.0.0.0/24', 'one'), ('10.1.0.0/24', 'two')")
  await database.query("INSERT INTO subnet_servers SELECT id, 'lab' FROM subnets")
  await database.query("INSERT INTO subnet_servers SELECT id, 'annex' FROM subnets WHERE name = 'two'")
  await told()
})

/** The servers that were notified since the last call; notifications come before the answer to a later query. */
const told = async (): Promise<ReadonlyArray<string>> => {
  await listener.query("SELECT 1")
  return heard.splice(0).toSorted()
}
const generations = async () => {
  const rows = await database.query<{ server: string; wanted: string }>(
    "SELECT server, wanted_generation::text AS wanted FROM dhcp_servers ORDER BY server"
  )
  return rows.map(({ server, wanted }) => `${server} ${wanted}`).join(", ")
}
const facts = async () =>
  (await database.query<{ body: unknown }>("DELETE FROM outbox RETURNING body")).map(({ body }) =>
    Schema.decodeUnknownSync(DiscoveryFact)(body)
  )
const refused = (sql: string): Promise<string> =>
  database.query(sql).then(() => "taken", (error: unknown) => error instanceof Error ? error.message : String(error))
const reserve = (number: number, address: string, name: string, more = "", value = "") =>
  database.query(
    `INSERT INTO reservations (mac, address, name${more}) VALUES ('00:16:3e:00:00:0${number}', '${address}', '${name}'${value})`
  )

describe("a reservation", () => {
  it("needs only MAC, address and name", async () => {
    await reserve(1, "10.1.0.7", "nas")
    assert.deepStrictEqual(
      await database.query(
        "SELECT subnet::text, domain, mac::text, host(address) AS address, name, enabled, source FROM reservations"
      ),
      [{
        subnet: "10.1.0.0/24",
        domain: "",
        mac: "00:16:3e:00:00:01",
        address: "10.1.0.7",
        name: "nas",
        enabled: true,
        source: "administrator"
      }]
    )
  })

  for (
    const [what, values, reason] of [
      ["an address in no subnet", "'00:16:3e:00:00:01', '10.9.0.7', 'nas'", "no subnet holds the address 10.9.0.7"],
      ["the network's address", "'00:16:3e:00:00:01', '10.0.0.0', 'nas'", "reservations_address_check"],
      ["the broadcast address", "'00:16:3e:00:00:01', '10.0.0.255', 'nas'", "reservations_address_check"],
      ["the gateway's address", "'00:16:3e:00:00:01', '10.0.0.254', 'nas'", "10.0.0.254 is the gateway of 10.0.0.0/24"],
      ["a network instead of an address", "'00:16:3e:00:00:01', '10.0.0.7/24', 'nas'", "reservations_address_check"],
      ["a keyword of dnsmasq as name", "'00:16:3e:00:00:01', '10.0.0.7', 'ignore'", "reservations_name_check"],
      ["a lease time as name", "'00:16:3e:00:00:01', '10.0.0.7', '12h'", "reservations_name_check"],
      ["a name with a comma", "'00:16:3e:00:00:01', '10.0.0.7', 'nas,12h'", "reservations_name_check"],
      ["a name with a line end", "'00:16:3e:00:00:01', '10.0.0.7', E'nas\\n'", "reservations_name_check"],
      ["an address that is taken", "'00:16:3e:00:00:02', '10.0.0.99', 'tv'", "reservations_address_key"],
      ["a name that is taken", "'00:16:3e:00:00:02', '10.0.0.7', 'taken'", "reservations_domain_name_excl"],
      ["a MAC that has one in the subnet", "'00:16:3e:00:00:09', '10.0.0.7', 'tv'", "reservations_subnet_mac_key"]
    ] as const
  ) {
    it(`is refused for ${what}`, async () => {
      await database.query("UPDATE subnets SET gateway = '10.0.0.254' WHERE name = 'one'")
      await reserve(9, "10.0.0.99", "taken")
      assert.include(await refused(`INSERT INTO reservations (mac, address, name) VALUES (${values})`), reason)
    })
  }

  it("may bear the name of its system's other reservation, and any name in another domain", async () => {
    await reserve(1, "10.0.0.7", "nas")
    await reserve(1, "10.1.0.7", "nas")
    await database.query("UPDATE subnets SET domain = 'two.example' WHERE name = 'two'")
    await reserve(2, "10.1.0.8", "tv")
    await reserve(3, "10.0.0.8", "tv")
    assert.lengthOf(await database.query("SELECT FROM reservations"), 4)
  })

  it("follows its subnet's network and domain", async () => {
    await reserve(1, "10.0.0.7", "nas")
    await database.query("UPDATE subnets SET cidr = '10.0.0.0/25', domain = 'one.example' WHERE name = 'one'")
    assert.deepStrictEqual(await database.query("SELECT subnet::text, domain FROM reservations"), [
      { subnet: "10.0.0.0/25", domain: "one.example" }
    ])
    assert.include(
      await refused("UPDATE subnets SET cidr = '10.0.0.128/25' WHERE name = 'one'"),
      "no subnet holds the address 10.0.0.7"
    )
  })

  it("of an administrator ends automatic ones in its way, and takes its name from them", async () => {
    const automatic = [", source", ", 'auto'"] as const
    await reserve(1, "10.0.0.7", "nas", ...automatic)
    await reserve(2, "10.0.0.8", "tv", ...automatic)
    await reserve(3, "10.0.0.9", "pc", ...automatic)
    await database.query("SELECT 1")
    await facts()
    await reserve(1, "10.0.0.8", "pc")
    assert.deepStrictEqual(
      await database.query("SELECT mac::text, host(address) AS address, name, source FROM reservations ORDER BY mac"),
      [
        { mac: "00:16:3e:00:00:01", address: "10.0.0.8", name: "pc", source: "administrator" },
        { mac: "00:16:3e:00:00:03", address: "10.0.0.9", name: "pc-000003", source: "auto" }
      ]
    )
    const said = await facts()
    assert.deepStrictEqual(said.map(({ type }) => type), [
      "reservation.removed",
      "reservation.removed",
      "reservation.changed",
      "reservation.created"
    ])
    assert.deepStrictEqual(await database.query("SELECT automatic::int FROM subnet_usage"), [{ automatic: 1 }])
  })

  it("takes its name from an automatic one whatever clients call themselves", async () => {
    const automatic = [", source", ", 'auto'"] as const
    await reserve(1, "10.0.0.7", "nas", ...automatic)
    await reserve(2, "10.0.0.8", "nas-000001", ...automatic)
    await reserve(3, "10.0.0.9", "nas")
    const called = async () =>
      (await database.query<{ name: string }>("SELECT name FROM reservations ORDER BY mac")).map(({ name }) => name)
    assert.deepStrictEqual(await called(), ["nas-00163e000001", "nas-000001", "nas"])
    await reserve(4, "10.0.0.10", "nas-00163e000001")
    assert.deepStrictEqual(await called(), ["host-00163e000001-2", "nas-000001", "nas", "nas-00163e000001"])
    await reserve(5, "10.0.0.11", "nas-000001")
    assert.deepStrictEqual((await called())[1], "nas-000001-000002")
  })

  it("that an administrator edits is automatic no longer", async () => {
    await reserve(1, "10.0.0.7", "nas", ", source", ", 'auto'")
    await database.query("UPDATE reservations SET comment = 'seen'")
    assert.deepStrictEqual(await database.query("SELECT source FROM reservations"), [{ source: "auto" }])
    await database.query("UPDATE reservations SET address = '10.0.0.8'")
    assert.deepStrictEqual(await database.query("SELECT source FROM reservations"), [{ source: "administrator" }])
  })
})

describe("a subnet", () => {
  it("is a network of addresses that hosts can have", async () => {
    for (
      const cidr of ["0.0.0.0/0", "0.0.0.0/1", "0.1.0.0/16", "128.0.0.0/1", "224.0.0.0/24", "255.255.255.0/24", "::/64"]
    ) {
      assert.include(
        await refused(`INSERT INTO subnets (cidr, name) VALUES ('${cidr}', 'wide')`),
        "subnets_cidr_check",
        cidr
      )
    }
    for (const cidr of ["1.0.0.0/8", "128.0.0.0/2", "223.255.255.252/30"]) {
      assert.strictEqual(await refused(`INSERT INTO subnets (cidr, name) VALUES ('${cidr}', '${cidr}')`), "taken", cidr)
    }
  })

  it("has no gateway that is reserved", async () => {
    await reserve(1, "10.0.0.7", "nas")
    assert.include(
      await refused("UPDATE subnets SET gateway = '10.0.0.7' WHERE name = 'one'"),
      "the gateway 10.0.0.7 of 10.0.0.0/24 is reserved"
    )
    assert.strictEqual(await refused("UPDATE subnets SET gateway = '10.0.0.8' WHERE name = 'one'"), "taken")
    assert.include(await refused("UPDATE reservations SET address = '10.0.0.8'"), "10.0.0.8 is the gateway")
  })
})

describe("renderers are woken", () => {
  it("exactly when what their file shows changes", async () => {
    const steps: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
      ["INSERT INTO reservations (mac, address, name) VALUES ('00:16:3e:00:00:01', '10.0.0.7', 'nas')", ["lab"]],
      ["INSERT INTO reservations (mac, address, name) VALUES ('00:16:3e:00:00:02', '10.1.0.7', 'tv')", [
        "annex",
        "lab"
      ]],
      [
        "INSERT INTO reservations (mac, address, name, enabled) VALUES ('00:16:3e:00:00:03', '10.0.0.8', 'pc', false)",
        []
      ],
      ["UPDATE reservations SET comment = 'x', updated_at = now(), observed_at = now()", []],
      ["UPDATE reservations SET name = name", []],
      ["UPDATE reservations SET name = 'pc2' WHERE name = 'pc'", []],
      ["UPDATE reservations SET source = 'import'", []],
      ["UPDATE reservations SET enabled = true WHERE name = 'pc2'", ["lab"]],
      ["UPDATE reservations SET name = 'pc' WHERE name = 'pc2'", ["lab"]],
      ["UPDATE reservations SET mac = '00:16:3e:00:00:04' WHERE name = 'pc'", ["lab"]],
      ["UPDATE reservations SET lease_time = '1 hour' WHERE name = 'tv'", ["annex", "lab"]],
      ["UPDATE reservations SET address = '10.1.0.9' WHERE name = 'nas'", ["annex", "lab"]],
      ["UPDATE reservations SET address = '10.0.0.7' WHERE name = 'nas'", ["annex", "lab"]],
      ["UPDATE subnets SET domain = 'example', gateway = '10.1.0.1', policy = 'auto' WHERE name = 'two'", []],
      ["UPDATE subnets SET lease_time = '2 hours' WHERE name = 'two'", []],
      ["UPDATE subnets SET lease_time = '2 hours' WHERE name = 'one'", ["lab"]],
      ["INSERT INTO subnet_servers SELECT id, 'idle' FROM subnets WHERE name = 'one'", ["idle"]],
      ["DELETE FROM subnet_servers WHERE server = 'idle'", ["idle"]],
      ["UPDATE reservations SET enabled = false WHERE name = 'pc'", ["lab"]],
      ["DELETE FROM reservations WHERE name = 'pc'", []],
      ["DELETE FROM reservations WHERE name = 'tv'", ["annex", "lab"]],
      ["INSERT INTO subnet_servers SELECT id, 'idle' FROM subnets WHERE name = 'two'", []],
      ["UPDATE dhcp_servers SET attempted_generation = 1, attempted_at = now(), result = 'failed', error = 'x'", []]
    ]
    let wanted: Record<string, number> = { annex: 1, idle: 1, lab: 1 }
    for (const [sql, servers] of steps) {
      await database.query(sql)
      assert.deepStrictEqual(await told(), servers, sql)
      for (const server of servers) wanted = { ...wanted, [server]: (wanted[server] ?? 0) + 1 }
      assert.strictEqual(
        await generations(),
        Object.entries(wanted).map(([server, n]) => `${server} ${n}`).join(", "),
        sql
      )
    }
  })

  it("once for a statement, however many rows it changes", async () => {
    await database.query(
      "INSERT INTO reservations (mac, address, name) SELECT ('00:16:3e:00:01:' || lpad(to_hex(n), 2, '0'))::macaddr, '10.0.0.0'::inet + n, 'host-' || n FROM generate_series(1, 200) AS n"
    )
    assert.deepStrictEqual(await told(), ["lab"])
    assert.strictEqual(await generations(), "annex 1, idle 1, lab 2")
  })
})

describe("facts of the database", () => {
  it("say what became of a reservation", async () => {
    await reserve(1, "10.1.0.7", "nas")
    await database.query("UPDATE reservations SET address = '10.1.0.8'")
    await database.query("UPDATE reservations SET comment = 'x'")
    await database.query("DELETE FROM reservations")
    const [created, changed, removed, ...more] = await facts()
    assert.deepStrictEqual(more, [])
    assert.strictEqual(created?.type, "reservation.created")
    assert.deepInclude(Object(created), {
      address: "10.1.0.7",
      name: "nas",
      subnet: "10.1.0.0/24",
      source: "administrator",
      enabled: true
    })
    assert.deepStrictEqual(Object(created).servers, ["annex", "lab"])
    assert.strictEqual(changed?.type, "reservation.changed")
    assert.deepStrictEqual(Object(changed).previous, {
      mac: "00:16:3e:00:00:01",
      address: "10.1.0.7",
      name: "nas",
      ignore: false,
      enabled: true
    })
    assert.strictEqual(removed?.type, "reservation.removed")
    assert.strictEqual(Object(removed).address, "10.1.0.8")
  })

  it("say what became of a generation, and say it once", async () => {
    const failed =
      "UPDATE dhcp_servers SET attempted_generation = 2, attempted_at = now(), result = 'failed', error = E'bad line\\x1b[31m' WHERE server = 'lab'"
    const applied = (hash: string) =>
      `UPDATE dhcp_servers SET attempted_generation = 2, attempted_at = now(), applied_generation = 2, applied_hash = '${hash}', applied_at = now(), applied_reservations = 3, result = 'applied', error = NULL WHERE server = 'lab'`
    for (const sql of [failed, failed, applied("a"), applied("a"), applied("b"), failed]) await database.query(sql)
    const said = await facts()
    assert.deepStrictEqual(said.map(({ type }) => type), [
      "server.failed",
      "server.applied",
      "server.applied",
      "server.failed"
    ])
    assert.strictEqual(Object(said[0]).error, "bad line\uFFFD[31m")
    assert.deepInclude(Object(said[1]), { generation: 2, hash: "a", reservations: 3, server: "lab" })
  })

  it("stand in the order of their commits", async () => {
    const [one, other] = [
      new pg.Client({ connectionString: database.url }),
      new pg.Client({ connectionString: database.url })
    ]
    await Promise.all([one.connect(), other.connect()])
    await one.query("BEGIN")
    await one.query("INSERT INTO reservations (mac, address, name) VALUES ('00:16:3e:00:00:01', '10.0.0.1', 'first')")
    const second = other.query(
      "INSERT INTO reservations (mac, address, name) VALUES ('00:16:3e:00:00:02', '10.0.0.2', 'second')"
    )
    await one.query("INSERT INTO reservations (mac, address, name) VALUES ('00:16:3e:00:00:03', '10.0.0.3', 'third')")
    await one.query("COMMIT")
    await second
    await Promise.all([one.end(), other.end()])
    const rows = await database.query<{ name: string }>("SELECT body->>'name' AS name FROM outbox ORDER BY id")
    assert.deepStrictEqual(rows.map(({ name }) => name), ["first", "third", "second"])
  })
})
