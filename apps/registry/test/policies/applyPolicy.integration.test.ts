/** Applying a policy to what exists: one change, with what it renamed, that can be taken back. */
import { Effect } from "effect"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { Changes } from "../../src/administration/Changes.ts"
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

describe("the systems that a policy renamed", () => {
  const desks = () =>
    open.update({ subnet: "Office", patch: { pattern: "desk-{mac:4}", clientNames: false }, apply: true })
  const undo = (id: bigint) => open.run(Effect.flatMap(Changes, (changes) => changes.undo(caller, id, false)))
  const refused = (id: bigint) =>
    open.run(Effect.flatMap(Changes, (changes) => Effect.flip(changes.undo(caller, id, false)))).then(({ message }) =>
      message
    )
  const logged = (change: bigint) =>
    query(
      `SELECT actor, action, entity, label, before ->> 'name' AS before, after ->> 'name' AS after FROM change_log
       WHERE change = $1 AND entity = 'system' ORDER BY key`,
      [String(change)]
    )
  const reserved = async () =>
    (await query<{ name: string }>("SELECT name || ' ' || source AS name FROM reservations ORDER BY mac")).map(
      (
        { name }
      ) => name
    )

  it("are in the log as parts of its change", async () => {
    await open.apply(ack(1, "10.0.0.1"), ack(2, "10.0.0.2", "nas"), ack(3, "10.1.0.3", "tv"))
    const { change, renamed } = await desks()
    assert.strictEqual(renamed, 2)
    const who = { actor: "local:alice", action: "policy set", entity: "system" }
    assert.deepStrictEqual(await logged(change), [
      { ...who, label: `${mac(1)} desk-0001`, before: "host-000001", after: "desk-0001" },
      { ...who, label: `${mac(2)} desk-0002`, before: "nas", after: "desk-0002" }
    ])
    // What only follows is no decision, and automatic reservations stay so.
    assert.deepStrictEqual(await query("SELECT FROM change_log WHERE entity = 'reservation'"), [])
    assert.deepStrictEqual(await reserved(), ["desk-0001 auto", "desk-0002 auto"])
    const { change: other } = await desks()
    assert.strictEqual(other, 0n, "nothing had to be changed")
    await query("UPDATE systems SET name = 'x', name_source = 'generated' WHERE mac = $1", [mac(1)])
    const again = await desks()
    assert.deepStrictEqual(await logged(again.change), [
      { ...who, label: `${mac(1)} desk-0001`, before: "x", after: "desk-0001" }
    ])
  })

  it("get their former names back when it is undone, and are announced; undoing that renames them again", async () => {
    await open.apply(ack(1, "10.0.0.1"), ack(2, "10.0.0.2", "nas"), ack(3, "10.0.0.3", "nas"))
    const before = { names: await open.names(), reserved: await reserved(), sources: await sources() }
    const { change } = await desks()
    assert.deepStrictEqual(await open.names(), ["desk-0001", "desk-0002", "desk-0003"])
    await query("DELETE FROM outbox")
    const undone = await undo(change)
    assert.deepStrictEqual({ names: await open.names(), reserved: await reserved(), sources: await sources() }, before)
    assert.strictEqual((await open.policies(({ get }) => get("Office"))).subnet, "")
    const facts = await query<{ previous: string; name: string }>(
      "SELECT body ->> 'previous' AS previous, body ->> 'name' AS name FROM outbox WHERE type = 'system.renamed' ORDER BY id"
    )
    assert.deepStrictEqual(facts.map(({ previous }) => previous), ["desk-0001", "desk-0002", "desk-0003"])
    assert.deepStrictEqual(facts.map(({ name }) => name), before.names)
    await open.apply(ack(5, "10.0.0.1"), ack(6, "10.0.0.2", "nas"))
    assert.deepStrictEqual((await open.names()).slice(0, 3), before.names, "events leave them as they are")
    await undo(BigInt(undone.id))
    assert.deepStrictEqual((await open.names()).slice(0, 3), ["desk-0001", "desk-0002", "desk-0003"])
    assert.deepStrictEqual((await reserved()).slice(0, 1), ["desk-0001 auto"])
  })

  it("keep their names where one of the former is somebody else's by now, and it is said whose", async () => {
    await open.apply(ack(1, "10.0.0.1"), ack(2, "10.0.0.2", "nas"))
    const { change } = await desks()
    await open.apply(ack(3, "10.1.0.3", "nas"))
    const taken = await refused(change)
    assert.include(taken, `${mac(2)} cannot be called nas again: ${mac(3)} is called so by now`)
    assert.deepStrictEqual(await open.names(), ["desk-0001", "desk-0002", "nas"])

    await query("UPDATE systems SET name = 'other' WHERE mac = $1", [mac(3)])
    await query("INSERT INTO reservations (mac, address, name) VALUES ($1, '10.1.0.9', 'nas')", [mac(9)])
    assert.match(await refused(change), /cannot be called nas again: it is reserved for .* by now \(reservation \d+\)/u)
    await query("DELETE FROM reservations WHERE name = 'nas'")

    await query("UPDATE systems SET name = 'renamed' WHERE mac = $1", [mac(1)])
    assert.strictEqual(await refused(change), `the registry itself changed ${mac(1)} desk-0001 since`)
    await query("UPDATE systems SET name = 'desk-0001' WHERE mac = $1", [mac(1)])
    await undo(change)
    assert.deepStrictEqual(await open.names(), ["host-000001", "nas", "other"])
  })

  it("are told when somebody changes the policy while it is applied, and can be given back", async () => {
    const count = 1_100
    await query("UPDATE subnets SET cidr = '10.8.0.0/16' WHERE name = 'Guests'")
    await query(
      `INSERT INTO systems (mac, name, name_source, first_seen, last_seen, server, server_stamp, first_address, first_address_stamp)
       SELECT ('00:16:3e:00:' || lpad(to_hex(n / 256), 2, '0') || ':' || lpad(to_hex(n % 256), 2, '0'))::macaddr,
         'n' || n, 'generated', now(), now(), 'lab', '', '10.8.0.0'::inet + n, '' FROM generate_series(1, ${count}) AS n`
    )
    await query(
      `CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN UPDATE naming_policies SET subnet_id = subnet_id; RETURN NULL; END $$`
    )
    await query("CREATE TRIGGER meddle AFTER UPDATE ON systems FOR EACH STATEMENT EXECUTE FUNCTION meddle()")
    const error = await open.refusal({ subnet: "Guests", patch: { pattern: "guest-{mac:6}" }, apply: true })
    await query("DROP FUNCTION meddle CASCADE")
    assert.strictEqual(error.code, "aborted")
    const [, renamed = "", change = ""] =
      /changed by somebody else meanwhile; (\d+) systems were renamed before that \(change (\d+)\)$/u.exec(
        error.message
      ) ?? []
    assert.isAbove(Number(renamed), 0)
    assert.isBelow(Number(renamed), count)
    assert.lengthOf(await logged(BigInt(change)), Number(renamed))
    await undo(BigInt(change))
    assert.deepStrictEqual(await query("SELECT FROM systems WHERE name NOT LIKE 'n%'"), [])
  })

  const sources = async () =>
    (await query<{ source: string }>("SELECT name_source AS source FROM systems ORDER BY mac")).map((
      { source }
    ) => source)
})
