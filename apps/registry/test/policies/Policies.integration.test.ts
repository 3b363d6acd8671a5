import type { DhcpEvent } from "@leasehold/events"
import type { Postgres } from "@leasehold/runtime"
import { Effect, Layer } from "effect"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { Administration } from "../../src/administration/Administration.ts"
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
type Used = Administration | Applier | Policies | Postgres
const run = <A, E>(use: Effect.Effect<A, E, Used>): Promise<A> =>
  Effect.runPromise(
    Effect.provide(
      use,
      Layer.merge(Policies.layer, Applier.layer).pipe(
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
