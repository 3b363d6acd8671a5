import type { DhcpEvent } from "@leasehold/events"
import type { Postgres } from "@leasehold/runtime"
import { Effect, Layer } from "effect"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { Administration } from "../../src/administration/Administration.ts"
import { Changes } from "../../src/administration/Changes.ts"
import type { Caller } from "../../src/api/Caller.ts"
import { Applier } from "../../src/apply/Applier.ts"
import { Policies, type PolicyUpdate } from "../../src/policies/Policies.ts"
import { event, mac } from "../randomEvents.ts"
import { databaseLayer, type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"

let database: RegistryDatabase
beforeAll(async () => {
  database = await registryDatabase()
  await database.query("INSERT INTO dhcp_servers (server) VALUES ('lab')")
})
afterAll(() => database?.close())
beforeEach(async () => {
  await database.query(
    `TRUNCATE systems, sightings, address_history, reservations, outbox, given_names, pending_names, subnet_usage,
      name_conflicts, naming_sequences, change_log, subnets, subnet_servers, subnet_exclusions, naming_policies, address_holds`
  )
  await database.query("INSERT INTO naming_policies (subnet_id) VALUES (NULL)")
  await database.query(
    `INSERT INTO subnets (cidr, name, policy, domain) VALUES
      ('10.0.0.0/24', 'Office', 'auto', 'office.lan'), ('10.1.0.0/24', 'Guests', 'manual', '')`
  )
  await database.query("INSERT INTO dhcp_servers (server) VALUES ('lab') ON CONFLICT DO NOTHING")
  await database.query("INSERT INTO subnet_servers SELECT id, 'lab' FROM subnets")
})

const caller: Caller = { actor: "local:alice", scope: "administer" }
type Used = Administration | Applier | Changes | Policies | Postgres
const run = <A, E>(use: Effect.Effect<A, E, Used>): Promise<A> =>
  Effect.runPromise(
    Effect.provide(
      use,
      Layer.mergeAll(Policies.layer, Changes.layer, Applier.layer).pipe(
        Layer.provideMerge(Administration.layer),
        Layer.provideMerge(databaseLayer(database.url))
      )
    )
  )
const policies = <A, E>(use: (policies: Policies["Service"]) => Effect.Effect<A, E>) =>
  run(Effect.flatMap(Policies, use))
const update = (options: Partial<PolicyUpdate>) =>
  policies((all) => all.update({ caller, subnet: "", patch: {}, apply: false, dryRun: false, ...options }))
const refusal = (options: Partial<PolicyUpdate>) =>
  policies((all) => Effect.flip(all.update({ caller, subnet: "", patch: {}, apply: false, dryRun: false, ...options })))

const start = Date.now() * 1000 - 3_600_000_000
const ack = (number: number, ip: string, hostname?: string): DhcpEvent =>
  event("lab.ack", { id: `e${number}`, mac: mac(number), ip, hostname }, start + number * 1_000_000)
const apply = (...events: ReadonlyArray<DhcpEvent>) =>
  run(Effect.flatMap(Applier, (applier) => Effect.forEach(events, (one) => applier.apply([one]), { discard: true })))
const names = async () =>
  (await database.query<{ name: string }>("SELECT name FROM systems ORDER BY mac")).map(({ name }) => name)
const everything = () =>
  database.query(
    `SELECT to_jsonb(t) AS row FROM systems t UNION ALL SELECT to_jsonb(t) FROM naming_policies t
     UNION ALL SELECT to_jsonb(t) FROM naming_sequences t UNION ALL SELECT to_jsonb(t) FROM reservations t
     UNION ALL SELECT to_jsonb(t) FROM outbox t UNION ALL SELECT to_jsonb(t) FROM given_names t
     UNION ALL SELECT to_jsonb(t) FROM change_log t UNION ALL SELECT to_jsonb(t) FROM subnets t`
  )

describe("naming policies", () => {
  it("begin with the default one, which answers for subnets without their own", async () => {
    const all = await policies(({ list }) => list)
    assert.deepStrictEqual(all.map(({ pattern, subnet }) => [subnet, pattern]), [["", "host-{mac:6}"]])
    const ofGuests = await policies(({ get }) => get("Guests"))
    assert.strictEqual(ofGuests.subnet, "")
    const missing = await policies(({ get }) => Effect.flip(get("10.9.0.0/24")))
    assert.strictEqual(missing.code, "not-found")
  })

  it("of a subnet begin as a copy of the default one, and with the subnet's domain", async () => {
    await update({ patch: { forbidden: ["android"], domain: "lan" } })
    const { change, policy } = await update({ subnet: "Office", patch: { conflict: "reject" } })
    assert.isAbove(Number(change), 0)
    assert.deepInclude(policy, {
      subnet: "10.0.0.0/24",
      pattern: "host-{mac:6}",
      forbidden: ["android"],
      conflict: "reject",
      domain: "office.lan"
    })
    const own = await policies(({ get }) => get("10.0.0.0/24"))
    assert.deepStrictEqual(own, policy)
    const log = await database.query("SELECT actor, action, entity FROM change_log WHERE change = $1", [String(change)])
    assert.deepStrictEqual(log, [{ actor: "local:alice", action: "policy set", entity: "naming-policy" }])
  })

  it("change nothing, and log nothing, where nothing differs", async () => {
    const first = await update({ patch: { pattern: "dev-{mac:6}" } })
    const again = await update({ patch: { pattern: "dev-{mac:6}" } })
    assert.strictEqual(again.policy.revision, first.policy.revision)
    assert.strictEqual(again.change, 0n)
  })

  it("write the domain of a subnet through to it, once and with one revision to look for", async () => {
    const { change, policy } = await update({ subnet: "Guests", patch: { domain: "guests.lan" } })
    assert.deepStrictEqual(
      await database.query("SELECT domain FROM subnets ORDER BY cidr"),
      [{ domain: "office.lan" }, { domain: "guests.lan" }]
    )
    const entities = await database.query<{ entity: string }>(
      "SELECT entity FROM change_log WHERE change = $1 ORDER BY entity",
      [String(change)]
    )
    assert.deepStrictEqual(entities.map(({ entity }) => entity), ["naming-policy", "subnet"])
    await database.query("UPDATE subnets SET domain = 'visitors.lan' WHERE name = 'Guests'")
    const other = await policies(({ get }) => get("Guests"))
    assert.strictEqual(other.domain, "visitors.lan")
    assert.notStrictEqual(other.revision, policy.revision, "a policy with another domain is another")
  })

  it("are refused over a state that is not the present one", async () => {
    const { policy } = await update({ patch: { pattern: "dev-{mac:6}" } })
    const error = await refusal({ patch: { pattern: "pc-{mac:6}" }, ifRevision: "1" })
    assert.strictEqual(error.code, "aborted")
    await update({ patch: { pattern: "pc-{mac:6}" }, ifRevision: policy.revision })
  })

  it("rename nothing that exists when they are changed or removed", async () => {
    await apply(ack(1, "10.0.0.1"), ack(2, "10.1.0.2", "nas"))
    await update({ patch: { pattern: "dev-{mac:4}", clientNames: false } })
    await update({ subnet: "Office", patch: { pattern: "desk-{mac:4}" } })
    assert.deepStrictEqual(await names(), ["host-000001", "nas"])
    await apply(ack(3, "10.0.0.3"), ack(4, "10.1.0.4", "tv"))
    assert.deepStrictEqual(await names(), ["host-000001", "nas", "desk-0003", "dev-0004"])
    const change = await policies(({ remove }) => remove(caller, "Office", false))
    assert.isAbove(Number(change), 0)
    assert.deepStrictEqual(await names(), ["host-000001", "nas", "desk-0003", "dev-0004"])
    const again = await policies(({ remove }) => Effect.flip(remove(caller, "Office", false)))
    assert.strictEqual(again.code, "not-found")
    const initial = await policies(({ remove }) => Effect.flip(remove(caller, "", false)))
    assert.strictEqual(initial.code, "invalid-argument")
  })

  it("rename what is under them when that is asked, the reservations too, and tell it", async () => {
    await apply(ack(1, "10.0.0.1"), ack(2, "10.0.0.2", "nas"), ack(3, "10.1.0.3", "tv"), ack(4, "10.0.0.4"))
    await database.query("UPDATE systems SET name = 'mine', name_source = 'administrator' WHERE mac = $1", [mac(4)])
    await database.query("DELETE FROM outbox")
    const { renamed } = await update({
      subnet: "Office",
      patch: { pattern: "desk-{seq}", clientNames: false },
      apply: true
    })
    assert.strictEqual(renamed, 2)
    assert.deepStrictEqual(await names(), ["desk-1", "desk-2", "tv", "mine"])
    const reserved = await database.query("SELECT name, source FROM reservations ORDER BY mac")
    assert.deepStrictEqual(reserved.slice(0, 2), [{ name: "desk-1", source: "auto" }, {
      name: "desk-2",
      source: "auto"
    }])
    const renamings = await database.query(
      "SELECT body->>'previous' AS previous FROM outbox WHERE type = 'system.renamed'"
    )
    assert.deepStrictEqual(renamings, [{ previous: "host-000001" }, { previous: "nas" }])
    const before = await names()
    const again = await update({ subnet: "Office", patch: { pattern: "desk-{seq}" }, apply: true })
    assert.strictEqual(again.renamed, 0)
    assert.deepStrictEqual(await names(), before)
  })

  it("can be tried on what was seen: the same names as applying gives, and nothing is changed", async () => {
    const count = 40
    const wanted = ["nas", "tv", "printer", undefined]
    await apply(...Array.from({ length: count }, (_, n) => ack(n + 1, `10.0.0.${n + 1}`, wanted[n % wanted.length])))
    await apply(ack(99, "10.1.0.99", "radio"))
    const tries: ReadonlyArray<PolicyUpdate["patch"]> = [
      { conflict: "last-wins" },
      { pattern: "{vendor}-{seq}", conflict: "reject" },
      { clientNames: false, pattern: "nas" },
      { clientNames: true, conflict: "first-wins" },
      { forbidden: ["nas", "host-000004"], pattern: "pc-{ip}" }
    ]
    for (const patch of tries) {
      const before = await everything()
      const tried = await policies(({ test }) => test("Office", patch, 1000))
      const dry = await update({ subnet: "Office", patch, apply: true, dryRun: true })
      assert.deepStrictEqual(await everything(), before)
      assert.strictEqual(tried.systems, count)
      assert.strictEqual(dry.renamed, tried.changed)
      const old = await database.query<{ mac: string; name: string }>(
        "SELECT mac::text, name FROM systems ORDER BY mac"
      )
      const { renamed } = await update({ subnet: "Office", patch, apply: true })
      assert.strictEqual(renamed, tried.changed)
      const now = await names()
      const expected = old.flatMap(({ mac, name }, index) => now[index] === name ? [] : [[mac, name, now[index]]])
      assert.deepStrictEqual(tried.differences.map(({ after, before, mac }) => [mac, before, after]), expected)
      assert.strictEqual(new Set(now).size, count + 1)
    }
    const few = await policies(({ test }) => test("Office", { clientNames: false, pattern: "x-{mac:6}" }, 3))
    assert.lengthOf(few.differences, 3)
    assert.strictEqual(few.changed, count)
  })
})

describe("the systems that a policy renamed", () => {
  const desks = () => update({ subnet: "Office", patch: { pattern: "desk-{mac:4}", clientNames: false }, apply: true })
  const undo = (id: bigint) => run(Effect.flatMap(Changes, (changes) => changes.undo(caller, id, false)))
  const refused = (id: bigint) =>
    run(Effect.flatMap(Changes, (changes) => Effect.flip(changes.undo(caller, id, false)))).then(({ message }) =>
      message
    )
  const logged = (change: bigint) =>
    database.query(
      `SELECT actor, action, entity, label, before ->> 'name' AS before, after ->> 'name' AS after FROM change_log
       WHERE change = $1 AND entity = 'system' ORDER BY key`,
      [String(change)]
    )
  const reserved = async () =>
    (await database.query<{ name: string }>("SELECT name || ' ' || source AS name FROM reservations ORDER BY mac")).map(
      (
        { name }
      ) => name
    )

  it("are in the log as parts of its change", async () => {
    await apply(ack(1, "10.0.0.1"), ack(2, "10.0.0.2", "nas"), ack(3, "10.1.0.3", "tv"))
    const { change, renamed } = await desks()
    assert.strictEqual(renamed, 2)
    const who = { actor: "local:alice", action: "policy set", entity: "system" }
    assert.deepStrictEqual(await logged(change), [
      { ...who, label: `${mac(1)} desk-0001`, before: "host-000001", after: "desk-0001" },
      { ...who, label: `${mac(2)} desk-0002`, before: "nas", after: "desk-0002" }
    ])
    // What only follows is no decision, and automatic reservations stay so.
    assert.deepStrictEqual(await database.query("SELECT FROM change_log WHERE entity = 'reservation'"), [])
    assert.deepStrictEqual(await reserved(), ["desk-0001 auto", "desk-0002 auto"])
    const { change: other } = await desks()
    assert.strictEqual(other, 0n, "nothing had to be changed")
    await database.query("UPDATE systems SET name = 'x', name_source = 'generated' WHERE mac = $1", [mac(1)])
    const again = await desks()
    assert.deepStrictEqual(await logged(again.change), [
      { ...who, label: `${mac(1)} desk-0001`, before: "x", after: "desk-0001" }
    ])
  })

  it("get their former names back when it is undone, and are announced; undoing that renames them again", async () => {
    await apply(ack(1, "10.0.0.1"), ack(2, "10.0.0.2", "nas"), ack(3, "10.0.0.3", "nas"))
    const before = { names: await names(), reserved: await reserved(), sources: await sources() }
    const { change } = await desks()
    assert.deepStrictEqual(await names(), ["desk-0001", "desk-0002", "desk-0003"])
    await database.query("DELETE FROM outbox")
    const undone = await undo(change)
    assert.deepStrictEqual({ names: await names(), reserved: await reserved(), sources: await sources() }, before)
    assert.strictEqual((await policies(({ get }) => get("Office"))).subnet, "")
    const facts = await database.query<{ previous: string; name: string }>(
      "SELECT body ->> 'previous' AS previous, body ->> 'name' AS name FROM outbox WHERE type = 'system.renamed' ORDER BY id"
    )
    assert.deepStrictEqual(facts.map(({ previous }) => previous), ["desk-0001", "desk-0002", "desk-0003"])
    assert.deepStrictEqual(facts.map(({ name }) => name), before.names)
    await apply(ack(5, "10.0.0.1"), ack(6, "10.0.0.2", "nas"))
    assert.deepStrictEqual((await names()).slice(0, 3), before.names, "events leave them as they are")
    await undo(BigInt(undone.id))
    assert.deepStrictEqual((await names()).slice(0, 3), ["desk-0001", "desk-0002", "desk-0003"])
    assert.deepStrictEqual((await reserved()).slice(0, 1), ["desk-0001 auto"])
  })

  it("keep their names where one of the former is somebody else's by now, and it is said whose", async () => {
    await apply(ack(1, "10.0.0.1"), ack(2, "10.0.0.2", "nas"))
    const { change } = await desks()
    await apply(ack(3, "10.1.0.3", "nas"))
    const taken = await refused(change)
    assert.include(taken, `${mac(2)} cannot be called nas again: ${mac(3)} is called so by now`)
    assert.deepStrictEqual(await names(), ["desk-0001", "desk-0002", "nas"])

    await database.query("UPDATE systems SET name = 'other' WHERE mac = $1", [mac(3)])
    await database.query("INSERT INTO reservations (mac, address, name) VALUES ($1, '10.1.0.9', 'nas')", [mac(9)])
    assert.match(await refused(change), /cannot be called nas again: it is reserved for .* by now \(reservation \d+\)/u)
    await database.query("DELETE FROM reservations WHERE name = 'nas'")

    await database.query("UPDATE systems SET name = 'renamed' WHERE mac = $1", [mac(1)])
    assert.strictEqual(await refused(change), `the registry itself changed ${mac(1)} desk-0001 since`)
    await database.query("UPDATE systems SET name = 'desk-0001' WHERE mac = $1", [mac(1)])
    await undo(change)
    assert.deepStrictEqual(await names(), ["host-000001", "nas", "other"])
  })

  it("are told when somebody changes the policy while it is applied, and can be given back", async () => {
    const count = 1_100
    await database.query("UPDATE subnets SET cidr = '10.8.0.0/16' WHERE name = 'Guests'")
    await database.query(
      `INSERT INTO systems (mac, name, name_source, first_seen, last_seen, server, server_stamp, first_address, first_address_stamp)
       SELECT ('00:16:3e:00:' || lpad(to_hex(n / 256), 2, '0') || ':' || lpad(to_hex(n % 256), 2, '0'))::macaddr,
         'n' || n, 'generated', now(), now(), 'lab', '', '10.8.0.0'::inet + n, '' FROM generate_series(1, ${count}) AS n`
    )
    await database.query(
      `CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN UPDATE naming_policies SET subnet_id = subnet_id; RETURN NULL; END $$`
    )
    await database.query("CREATE TRIGGER meddle AFTER UPDATE ON systems FOR EACH STATEMENT EXECUTE FUNCTION meddle()")
    const error = await refusal({ subnet: "Guests", patch: { pattern: "guest-{mac:6}" }, apply: true })
    await database.query("DROP FUNCTION meddle CASCADE")
    assert.strictEqual(error.code, "aborted")
    const [, renamed = "", change = ""] =
      /changed by somebody else meanwhile; (\d+) systems were renamed before that \(change (\d+)\)$/u.exec(
        error.message
      ) ?? []
    assert.isAbove(Number(renamed), 0)
    assert.isBelow(Number(renamed), count)
    assert.lengthOf(await logged(BigInt(change)), Number(renamed))
    await undo(BigInt(change))
    assert.deepStrictEqual(await database.query("SELECT FROM systems WHERE name NOT LIKE 'n%'"), [])
  })

  const sources = async () =>
    (await database.query<{ source: string }>("SELECT name_source AS source FROM systems ORDER BY mac")).map((
      { source }
    ) => source)
})
