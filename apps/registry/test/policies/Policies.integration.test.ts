import { Effect } from "effect"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import type { PolicyUpdate } from "../../src/policies/Policies.ts"
import { mac } from "../randomEvents.ts"
import { ack, caller, openPolicies } from "./openPolicies.ts"

let open: Awaited<ReturnType<typeof openPolicies>>
beforeAll(async () => {
  open = await openPolicies()
})
afterAll(() => open?.database.close())
beforeEach(() => open.begin())

const query = <Row extends object>(sql: string, values?: ReadonlyArray<unknown>) =>
  open.database.query<Row>(sql, values)
const everything = () =>
  query(
    `SELECT to_jsonb(t) AS row FROM systems t UNION ALL SELECT to_jsonb(t) FROM naming_policies t
     UNION ALL SELECT to_jsonb(t) FROM naming_sequences t UNION ALL SELECT to_jsonb(t) FROM reservations t
     UNION ALL SELECT to_jsonb(t) FROM outbox t UNION ALL SELECT to_jsonb(t) FROM given_names t
     UNION ALL SELECT to_jsonb(t) FROM change_log t UNION ALL SELECT to_jsonb(t) FROM subnets t`
  )

describe("naming policies", () => {
  it("begin with the default one, which answers for subnets without their own", async () => {
    const all = await open.policies(({ list }) => list)
    assert.deepStrictEqual(all.map(({ pattern, subnet }) => [subnet, pattern]), [["", "host-{mac:6}"]])
    const ofGuests = await open.policies(({ get }) => get("Guests"))
    assert.strictEqual(ofGuests.subnet, "")
    const missing = await open.policies(({ get }) => Effect.flip(get("10.9.0.0/24")))
    assert.strictEqual(missing.code, "not-found")
  })

  it("of a subnet begin as a copy of the default one, and with the subnet's domain", async () => {
    await open.update({ patch: { forbidden: ["android"], domain: "lan" } })
    const { change, policy } = await open.update({ subnet: "Office", patch: { conflict: "reject" } })
    assert.isAbove(Number(change), 0)
    assert.deepInclude(policy, {
      subnet: "10.0.0.0/24",
      pattern: "host-{mac:6}",
      forbidden: ["android"],
      conflict: "reject",
      domain: "office.lan"
    })
    const own = await open.policies(({ get }) => get("10.0.0.0/24"))
    assert.deepStrictEqual(own, policy)
    const log = await query("SELECT actor, action, entity FROM change_log WHERE change = $1", [String(change)])
    assert.deepStrictEqual(log, [{ actor: "local:alice", action: "policy set", entity: "naming-policy" }])
  })

  it("change nothing, and log nothing, where nothing differs", async () => {
    const first = await open.update({ patch: { pattern: "dev-{mac:6}" } })
    const again = await open.update({ patch: { pattern: "dev-{mac:6}" } })
    assert.strictEqual(again.policy.revision, first.policy.revision)
    assert.strictEqual(again.change, 0n)
  })

  it("write the domain of a subnet through to it, once and with one revision to look for", async () => {
    const { change, policy } = await open.update({ subnet: "Guests", patch: { domain: "guests.lan" } })
    assert.deepStrictEqual(
      await query("SELECT domain FROM subnets ORDER BY cidr"),
      [{ domain: "office.lan" }, { domain: "guests.lan" }]
    )
    const entities = await query<{ entity: string }>(
      "SELECT entity FROM change_log WHERE change = $1 ORDER BY entity",
      [String(change)]
    )
    assert.deepStrictEqual(entities.map(({ entity }) => entity), ["naming-policy", "subnet"])
    await query("UPDATE subnets SET domain = 'visitors.lan' WHERE name = 'Guests'")
    const other = await open.policies(({ get }) => get("Guests"))
    assert.strictEqual(other.domain, "visitors.lan")
    assert.notStrictEqual(other.revision, policy.revision, "a policy with another domain is another")
  })

  it("are refused over a state that is not the present one", async () => {
    const { policy } = await open.update({ patch: { pattern: "dev-{mac:6}" } })
    const error = await open.refusal({ patch: { pattern: "pc-{mac:6}" }, ifRevision: "1" })
    assert.strictEqual(error.code, "aborted")
    await open.update({ patch: { pattern: "pc-{mac:6}" }, ifRevision: policy.revision })
  })

  it("rename nothing that exists when they are changed or removed", async () => {
    await open.apply(ack(1, "10.0.0.1"), ack(2, "10.1.0.2", "nas"))
    await open.update({ patch: { pattern: "dev-{mac:4}", clientNames: false } })
    await open.update({ subnet: "Office", patch: { pattern: "desk-{mac:4}" } })
    assert.deepStrictEqual(await open.names(), ["host-000001", "nas"])
    await open.apply(ack(3, "10.0.0.3"), ack(4, "10.1.0.4", "tv"))
    assert.deepStrictEqual(await open.names(), ["host-000001", "nas", "desk-0003", "dev-0004"])
    const change = await open.policies(({ remove }) => remove(caller, "Office", false))
    assert.isAbove(Number(change), 0)
    assert.deepStrictEqual(await open.names(), ["host-000001", "nas", "desk-0003", "dev-0004"])
    const again = await open.policies(({ remove }) => Effect.flip(remove(caller, "Office", false)))
    assert.strictEqual(again.code, "not-found")
    const initial = await open.policies(({ remove }) => Effect.flip(remove(caller, "", false)))
    assert.strictEqual(initial.code, "invalid-argument")
  })

  it("rename what is under them when that is asked, the reservations too, and tell it", async () => {
    await open.apply(ack(1, "10.0.0.1"), ack(2, "10.0.0.2", "nas"), ack(3, "10.1.0.3", "tv"), ack(4, "10.0.0.4"))
    await query("UPDATE systems SET name = 'mine', name_source = 'administrator' WHERE mac = $1", [mac(4)])
    await query("DELETE FROM outbox")
    const { renamed } = await open.update({
      subnet: "Office",
      patch: { pattern: "desk-{seq}", clientNames: false },
      apply: true
    })
    assert.strictEqual(renamed, 2)
    assert.deepStrictEqual(await open.names(), ["desk-1", "desk-2", "tv", "mine"])
    const reserved = await query("SELECT name, source FROM reservations ORDER BY mac")
    assert.deepStrictEqual(reserved.slice(0, 2), [{ name: "desk-1", source: "auto" }, {
      name: "desk-2",
      source: "auto"
    }])
    const renamings = await query(
      "SELECT body->>'previous' AS previous FROM outbox WHERE type = 'system.renamed'"
    )
    assert.deepStrictEqual(renamings, [{ previous: "host-000001" }, { previous: "nas" }])
    const before = await open.names()
    const again = await open.update({ subnet: "Office", patch: { pattern: "desk-{seq}" }, apply: true })
    assert.strictEqual(again.renamed, 0)
    assert.deepStrictEqual(await open.names(), before)
  })

  it("can be tried on what was seen: the same names as applying gives, and nothing is changed", async () => {
    const count = 40
    const wanted = ["nas", "tv", "printer", undefined]
    await open.apply(
      ...Array.from({ length: count }, (_, n) => ack(n + 1, `10.0.0.${n + 1}`, wanted[n % wanted.length]))
    )
    await open.apply(ack(99, "10.1.0.99", "radio"))
    const tries: ReadonlyArray<PolicyUpdate["patch"]> = [
      { conflict: "last-wins" },
      { pattern: "{vendor}-{seq}", conflict: "reject" },
      { clientNames: false, pattern: "nas" },
      { clientNames: true, conflict: "first-wins" },
      { forbidden: ["nas", "host-000004"], pattern: "pc-{ip}" }
    ]
    for (const patch of tries) {
      const before = await everything()
      const tried = await open.policies(({ test }) => test("Office", patch, 1000))
      const dry = await open.update({ subnet: "Office", patch, apply: true, dryRun: true })
      assert.deepStrictEqual(await everything(), before)
      assert.strictEqual(tried.systems, count)
      assert.strictEqual(dry.renamed, tried.changed)
      const old = await query<{ mac: string; name: string }>(
        "SELECT mac::text, name FROM systems ORDER BY mac"
      )
      const { renamed } = await open.update({ subnet: "Office", patch, apply: true })
      assert.strictEqual(renamed, tried.changed)
      const now = await open.names()
      const expected = old.flatMap(({ mac, name }, index) => now[index] === name ? [] : [[mac, name, now[index]]])
      assert.deepStrictEqual(tried.differences.map(({ after, before, mac }) => [mac, before, after]), expected)
      assert.strictEqual(new Set(now).size, count + 1)
    }
    const few = await open.policies(({ test }) => test("Office", { clientNames: false, pattern: "x-{mac:6}" }, 3))
    assert.lengthOf(few.differences, 3)
    assert.strictEqual(few.changed, count)
  })
})
