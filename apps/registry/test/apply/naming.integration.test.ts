/** Names by the policies of subnets, as events make them. */
import { type DhcpEvent, DiscoveryFact } from "@leasehold/events"
import { Effect, Schema } from "effect"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { Applier } from "../../src/apply/Applier.ts"
import { event, mac, random, shuffled } from "../randomEvents.ts"
import { type RegistryDatabase, registryDatabase, withApplier } from "../registryDatabase.ts"

let database: RegistryDatabase
beforeAll(async () => {
  database = await registryDatabase()
  await database.query("INSERT INTO dhcp_servers (server) VALUES ('lab')")
  await database.query(
    "INSERT INTO subnets (cidr, name, policy) VALUES ('10.0.0.0/24', 'Office', 'auto'), ('10.1.0.0/16', 'Guests', 'manual')"
  )
  await database.query("INSERT INTO subnet_servers SELECT id, 'lab' FROM subnets")
})
afterAll(() => database?.close())
beforeEach(async () => {
  await database.query(
    `TRUNCATE systems, sightings, address_history, gaps, reservations, outbox, given_names, pending_names, subnet_usage,
      name_conflicts, naming_sequences`
  )
  await database.query("DELETE FROM naming_policies WHERE subnet_id IS NOT NULL")
  await policy(null, {})
})

interface Fields {
  readonly pattern?: string
  readonly forbidden?: ReadonlyArray<string>
  readonly conflict?: string
  readonly clientNames?: boolean
}
const policy = async (cidr: string | null, fields: Fields) => {
  const { clientNames = true, conflict = "first-wins", forbidden = [], pattern = "host-{mac:6}" } = fields
  await database.query("DELETE FROM naming_policies WHERE subnet_id = (SELECT id FROM subnets WHERE cidr = $1)", [cidr])
  await database.query(
    cidr === null
      ? "UPDATE naming_policies SET pattern = $2, forbidden = $3, conflict = $4, client_names = $5 WHERE subnet_id IS NULL AND $1::text IS NULL"
      : "INSERT INTO naming_policies (subnet_id, pattern, forbidden, conflict, client_names) SELECT id, $2, $3, $4, $5 FROM subnets WHERE cidr = $1",
    [cidr, pattern, forbidden, conflict, clientNames]
  )
}
const start = Date.now() * 1000 - 3_600_000_000
const say = (second: number, kind: string, body: object): DhcpEvent =>
  event(`lab.${kind}`, { id: `e${second}`, ...body }, start + second * 1_000_000)
const ack = (second: number, number: number, ip: string, hostname?: string) =>
  say(second, "ack", { mac: mac(number), ip, ...(hostname === undefined ? {} : { hostname }) })
/** With one registry, as when it runs. */
const applyEach = (...batches: ReadonlyArray<DhcpEvent | ReadonlyArray<DhcpEvent>>) =>
  withApplier(
    database.url,
    Effect.gen(function*() {
      const applier = yield* Applier
      for (const batch of batches) yield* applier.apply("id" in batch ? [batch] : batch)
    })
  )
const pending = () => withApplier(database.url, Effect.flatMap(Applier, (applier) => applier.applyPendingNames))
const names = async (): Promise<Readonly<Record<string, string>>> => {
  const rows = await database.query<{ mac: string; name: string }>("SELECT mac::text, name FROM systems ORDER BY mac")
  return Object.fromEntries(rows.map((row) => [Number.parseInt(row.mac.slice(-2), 16), row.name]))
}
const facts = async (type: string) => {
  const rows = await database.query<{ body: unknown }>("SELECT body FROM outbox WHERE type = $1 ORDER BY id", [type])
  return rows.map(({ body }) => Schema.decodeUnknownSync(DiscoveryFact)(body))
}
const state = () =>
  database.query(
    "SELECT to_jsonb(s) AS row FROM systems s UNION ALL SELECT to_jsonb(o) FROM outbox o UNION ALL SELECT to_jsonb(n) FROM naming_sequences n"
  )

describe("the naming policy of a system", () => {
  it("is that of the subnet of its first address, and the default one before it has an address", async () => {
    await policy("10.0.0.0/24", { pattern: "office-{mac:4}" })
    await policy(null, { pattern: "{subnet}-{mac:4}" })
    await applyEach(
      say(1, "discover", { mac: mac(1) }),
      ack(2, 2, "10.1.0.2"),
      ack(3, 3, "192.168.0.1")
    )
    assert.deepStrictEqual(await names(), { 1: "host-0001", 2: "guests-0002", 3: "host-0003" })
    await applyEach(ack(4, 1, "10.0.0.1"), ack(5, 1, "10.1.0.9"), ack(6, 2, "10.0.0.2"))
    assert.deepStrictEqual(await names(), { 1: "office-0001", 2: "guests-0002", 3: "host-0003" })
  })

  it("is found again when an earlier address becomes known late, and renames nobody for another reason", async () => {
    await policy("10.0.0.0/24", { pattern: "office-{ip}" })
    await applyEach(ack(5, 1, "10.1.0.9"))
    assert.deepStrictEqual(await names(), { 1: "host-000001" })
    await applyEach(ack(3, 1, "10.0.0.7"))
    assert.deepStrictEqual(await names(), { 1: "office-10-0-0-7" })
    await policy("10.0.0.0/24", { pattern: "desk-{ip}" })
    await applyEach(ack(6, 1, "10.0.0.7", "office-10-0-0-7"), say(7, "discover", { mac: mac(1) }))
    await database.query("INSERT INTO reservations (mac, address, name) VALUES ($1, '10.0.0.99', 'other')", [mac(9)])
    await database.query("DELETE FROM reservations WHERE mac = $1", [mac(1)])
    await pending()
    assert.deepStrictEqual(await names(), { 1: "office-10-0-0-7" })
  })

  it("that was changed renames nobody by the way, when more becomes known that makes no difference to it", async () => {
    await applyEach(ack(5, 1, "10.1.0.1", "nas"), ack(6, 2, "10.1.0.2"))
    await policy("10.1.0.0/16", { clientNames: false, pattern: "guest-{mac:4}" })
    await applyEach(ack(4, 1, "10.1.0.9", "nas"), ack(3, 2, "10.1.0.8", "tv"), say(7, "discover", { mac: mac(1) }))
    assert.deepStrictEqual(await names(), { 1: "nas", 2: "host-000002" })
  })

  it("applies to who comes after it was changed", async () => {
    await withApplier(
      database.url,
      Effect.gen(function*() {
        const applier = yield* Applier
        yield* applier.apply([ack(1, 1, "10.0.0.1")])
        yield* Effect.promise(() => policy("10.0.0.0/24", { pattern: "desk-{mac:4}" }))
        yield* applier.apply([ack(2, 2, "10.0.0.2")])
        yield* Effect.promise(() => database.query("UPDATE subnets SET name = 'Attic' WHERE name = 'Office'"))
        yield* Effect.promise(() => policy("10.0.0.0/24", { pattern: "{subnet}-{mac:4}" }))
        yield* applier.apply([ack(3, 3, "10.0.0.3")])
        yield* Effect.promise(() => database.query("UPDATE subnets SET name = 'Office' WHERE name = 'Attic'"))
        yield* applier.apply([ack(4, 4, "10.0.0.4")])
      })
    )
    assert.deepStrictEqual(await names(), { 1: "host-000001", 2: "desk-0002", 3: "attic-0003", 4: "office-0004" })
  })

  it("applies to who comes after the first change of all", async () => {
    const fresh = await registryDatabase()
    await withApplier(
      fresh.url,
      Effect.gen(function*() {
        const applier = yield* Applier
        yield* applier.apply([ack(1, 1, "10.0.0.1")])
        yield* Effect.promise(() => fresh.query("UPDATE naming_policies SET pattern = 'dev-{mac:4}'"))
        yield* applier.apply([ack(2, 2, "10.0.0.2")])
      })
    )
    const found = await fresh.query("SELECT name FROM systems ORDER BY mac")
    await fresh.close()
    assert.deepStrictEqual(found, [{ name: "host-000001" }, { name: "dev-0002" }])
  })

  it("may take no names of clients, or forbid some", async () => {
    await policy("10.0.0.0/24", { clientNames: false })
    await policy("10.1.0.0/16", { forbidden: ["Android", "iphone"] })
    await applyEach(
      ack(1, 1, "10.0.0.1", "nas"),
      ack(2, 2, "10.1.0.2", "ANDROID"),
      ack(3, 3, "10.1.0.3", "tv"),
      ack(4, 4, "10.1.0.4", "iPhone.local")
    )
    assert.deepStrictEqual(await names(), { 1: "host-000001", 2: "host-000002", 3: "tv", 4: "host-000004" })
    const sources = await database.query("SELECT DISTINCT name_source FROM systems ORDER BY 1")
    assert.deepStrictEqual(sources, [{ name_source: "client" }, { name_source: "generated" }])
  })

  it("counts no name that it made for the client's, though nothing in it tells that", async () => {
    await policy("10.0.0.0/24", { pattern: "{vendor}-{seq}" })
    await policy("10.1.0.0/16", { pattern: "kiosk" })
    await applyEach(ack(1, 1, "10.0.0.1"), ack(2, 2, "10.1.0.2"))
    const given = await names()
    assert.deepStrictEqual(given, { 1: "xensource-1", 2: "kiosk" })
    await applyEach(ack(3, 1, "10.0.0.1", "xensource-1"), ack(4, 2, "10.1.0.2", "kiosk"))
    const clients = await database.query("SELECT FROM systems WHERE first_name IS NOT NULL OR name_source = 'client'")
    assert.lengthOf(clients, 0)
    await policy("10.0.0.0/24", { pattern: "pc-{seq}" })
    await applyEach(ack(5, 1, "10.0.0.1", "xensource-1"), ack(6, 1, "10.0.0.1", "nas"))
    assert.deepStrictEqual(await names(), { 1: "nas", 2: "kiosk" })
  })

  it("has the vendor of the MAC to fill in, but not for one that was made up", async () => {
    await policy(null, { pattern: "{vendor}-{mac:4}" })
    await applyEach(
      say(1, "discover", { mac: "b8:27:eb:00:00:01" }),
      say(2, "discover", { mac: "ba:27:eb:00:00:02" })
    )
    assert.deepStrictEqual(await database.query("SELECT name, vendor FROM systems ORDER BY name"), [
      { name: "host-0002", vendor: null },
      { name: "raspberry-pi-0001", vendor: "Raspberry Pi Foundation" }
    ])
  })

  it("numbers systems once, and skips names that others have", async () => {
    await policy(null, { pattern: "pc-{seq}" })
    await applyEach(
      ack(1, 1, "10.0.0.1", "pc-2"),
      [ack(2, 2, "10.0.0.2"), ack(3, 3, "10.0.0.3")],
      ack(4, 4, "10.0.0.4")
    )
    assert.deepStrictEqual(await names(), { 1: "pc-2", 2: "pc-1", 3: "pc-3", 4: "pc-4" })
    await applyEach(ack(5, 3, "10.0.0.3", "nas"), ack(6, 5, "10.0.0.5"))
    assert.deepStrictEqual(await names(), { 1: "pc-2", 2: "pc-1", 3: "nas", 4: "pc-4", 5: "pc-5" })
    await database.query("INSERT INTO reservations (mac, address, name) VALUES ($1, '10.0.0.4', 'mine')", [mac(4)])
    await pending()
    await database.query("DELETE FROM reservations WHERE mac = $1", [mac(4)])
    await pending()
    assert.deepStrictEqual((await names())[4], "pc-4")
  })

  it("locks a name that an administrator gave", async () => {
    await applyEach(ack(1, 1, "10.0.0.1", "nas"))
    await database.query("UPDATE systems SET name = 'vault', name_source = 'administrator'")
    await policy("10.0.0.0/24", { clientNames: false, conflict: "last-wins" })
    await applyEach(ack(0, 1, "10.0.0.9", "early"), ack(3, 2, "10.1.0.3", "vault"))
    await pending()
    assert.deepStrictEqual(await names(), { 1: "vault", 2: "vault-000002" })
  })
})

describe("a name that several want", () => {
  const swarm = (names: ReadonlyArray<string>, count: number) =>
    Array.from(
      { length: count },
      (_, index) => ack(index + 1, index + 1, `10.0.0.${index + 1}`, names[index % names.length] ?? "")
    )

  it("is told once, not for each of a swarm", async () => {
    await applyEach(...swarm(["espressif"], 20))
    const found = await names()
    assert.strictEqual(found[1], "espressif")
    for (let number = 2; number <= 20; number++) {
      assert.strictEqual(found[number], `espressif-${mac(number).slice(9).replaceAll(":", "")}`)
    }
    const conflicts = (await facts("system.name-conflict")).flatMap((fact) =>
      fact.type === "system.name-conflict" ? [[fact.mac, fact.wanted, fact.holder]] : []
    )
    assert.deepStrictEqual(conflicts, [[mac(2), "espressif", mac(1)]])
    const before = await state()
    await applyEach(swarm(["espressif"], 20))
    assert.deepStrictEqual(await state(), before)
  })

  it("is told once though all come in one batch", async () => {
    await applyEach(swarm(["espressif", "nas"], 20))
    assert.lengthOf(await facts("system.name-conflict"), 2)
  })

  it("is nobody else's where newcomers are rejected: they get a generated one", async () => {
    await policy(null, { conflict: "reject", pattern: "dev-{seq}" })
    await applyEach(
      ack(1, 1, "10.0.0.1", "nas"),
      [ack(2, 2, "10.0.0.2", "nas"), ack(3, 3, "10.0.0.3", "tv")],
      ack(4, 4, "10.0.0.4", "NAS")
    )
    assert.deepStrictEqual(await names(), { 1: "nas", 2: "dev-1", 3: "tv", 4: "dev-2" })
    const before = await state()
    await applyEach([ack(2, 2, "10.0.0.2", "nas"), ack(3, 3, "10.0.0.3", "tv")], ack(4, 4, "10.0.0.4", "NAS"))
    assert.deepStrictEqual(await state(), before)
    assert.lengthOf(await facts("system.name-conflict"), 1)
  })

  it("goes to who was last where the policy says so, in any order, however late events come", async () => {
    await policy(null, { conflict: "last-wins" })
    const events = [
      ...swarm(["nas", "tv"], 12),
      // Earlier names than those that came first, and names told again.
      say(30, "ack", { mac: mac(11), ip: "10.0.0.11", hostname: "nas" }),
      say(-5, "ack", { mac: mac(12), ip: "10.0.0.12", hostname: "tv" }),
      say(-4, "ack", { mac: mac(11), ip: "10.0.0.11", hostname: "nas" }),
      say(-3, "ack", { mac: mac(9), ip: "10.0.0.9", hostname: "radio" })
    ]
    const outcomes: Array<unknown> = []
    for (const seed of [0, 1, 2, 3, 4, 5]) {
      await database.query(
        "TRUNCATE systems, sightings, address_history, outbox, given_names, name_conflicts, reservations, subnet_usage"
      )
      const order = seed === 0 ? events : shuffled(events, random(seed))
      const next = random(seed + 100)
      const batches: Array<ReadonlyArray<DhcpEvent>> = []
      for (let from = 0; from < order.length;) {
        const size = 1 + Math.floor(next() * 4)
        batches.push(order.slice(from, from + size))
        from += size
      }
      await applyEach(...batches)
      const found = await names()
      assert.strictEqual(new Set(Object.values(found)).size, 12)
      outcomes.push(found)
      const before = await state()
      await applyEach(shuffled(events, random(seed + 200)))
      assert.deepStrictEqual(await state(), before)
    }
    const [first] = outcomes
    assert.deepInclude(first, { 7: "nas", 10: "tv", 9: "radio", 12: "tv-00000c", 11: "nas-00000b" })
    for (const outcome of outcomes) assert.deepStrictEqual(outcome, first)
  })

  it("stays an administrator's, and a reservation's, whoever is last", async () => {
    await policy(null, { conflict: "last-wins" })
    await database.query("INSERT INTO reservations (mac, address, name) VALUES ($1, '10.0.0.1', 'nas')", [mac(1)])
    await applyEach(ack(1, 1, "10.0.0.1"), ack(2, 2, "10.0.0.2", "nas"), ack(3, 3, "10.0.0.3", "tv"))
    await database.query("UPDATE systems SET name_source = 'administrator' WHERE name = 'tv'")
    await applyEach(ack(4, 4, "10.0.0.4", "tv"), ack(5, 5, "10.0.0.5", "nas"))
    assert.deepStrictEqual(await names(), { 1: "nas", 2: "nas-000002", 3: "tv", 4: "tv-000004", 5: "nas-000005" })
  })
})
