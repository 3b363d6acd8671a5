/** Names that pass from one to another by an administrator's word: reservations and systems agree, also when it is taken back. */
import { type DhcpEvent, Hostname, Mac } from "@leasehold/events"
import { Effect, Layer, ManagedRuntime } from "effect"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { Administration } from "../../src/administration/Administration.ts"
import type { Caller } from "../../src/api/Caller.ts"
import { Applier } from "../../src/apply/Applier.ts"
import { Decisions } from "../../src/systems/Decisions.ts"
import { type ServedIpam, servedIpam } from "../ipam/ServedIpam.ts"
import { event, mac } from "../randomEvents.ts"
import { databaseLayer } from "../registryDatabase.ts"

let served: ServedIpam
const services = () =>
  ManagedRuntime.make(
    Layer.merge(Applier.layer, Decisions.layer).pipe(
      Layer.provideMerge(Administration.layer),
      Layer.provideMerge(databaseLayer(served.database.url))
    )
  )
let registry: ReturnType<typeof services>
beforeAll(async () => {
  served = await servedIpam()
  registry = services()
})
afterAll(async () => {
  await registry?.dispose()
  await served?.close()
})
beforeEach(async () => {
  await sql(
    `TRUNCATE systems, sightings, address_history, gaps, reservations, outbox, given_names, pending_names, subnet_usage,
      name_conflicts, naming_sequences, change_log, subnets, subnet_servers, address_holds CASCADE`
  )
  await served.ipam.createSubnet({ subnet: { cidr: "10.0.0.0/24", name: "auto", policy: 1, servers: ["lab"] } })
})

const caller: Caller = { actor: "test:admin", scope: "administer" }
const sql = <Row extends object>(text: string) => served.database.query<Row>(text)
const start = Date.now() * 1000 - 3_600_000_000
const ack = (second: number, number: number, ip: string, hostname?: string): DhcpEvent =>
  event(
    "lab.ack",
    { id: `e${second}`, mac: mac(number), ip, ...(hostname === undefined ? {} : { hostname }) },
    start + second * 1_000_000
  )
const applyEach = (...events: ReadonlyArray<DhcpEvent>) =>
  registry.runPromise(
    Effect.flatMap(Applier, (applier) => Effect.forEach(events, (one) => applier.apply([one]), { discard: true }))
  )
const pending = () => registry.runPromise(Effect.flatMap(Applier, (applier) => applier.applyPendingNames))

/** Each system as it is called, and what its reservations call it. */
const called = async () =>
  Object.fromEntries(
    (await sql<{ n: string; name: string; source: string; reserved: ReadonlyArray<string> }>(
      `SELECT right(y.mac::text, 2)::int::text AS n, y.name, y.name_source AS source, ARRAY(
        SELECT r.source || ' ' || r.name FROM reservations r WHERE r.mac = y.mac ORDER BY r.id) AS reserved
      FROM systems y ORDER BY y.mac`
    )).map(({ n, name, reserved, source }) => [n, [`${source} ${name}`, ...reserved].join(", ")])
  )
const add = (number: number, name: string, address: string) =>
  served.ipam.createReservation({ reservation: { macs: [mac(number)], address, name } })
const rename = (number: number, name: Hostname | "") =>
  registry.runPromise(
    Effect.flatMap(Decisions, (decisions) =>
      decisions.decide({ caller, mac: Mac.make(mac(number)), decision: { name, state: undefined }, dryRun: false }))
  )
const undo = async (id: bigint) => (await served.ipam.undoChange({ id })).change?.id ?? 0n

describe("a name that a reservation took from an automatic one", () => {
  it("comes back to both when that is taken back, and goes again when that is", async () => {
    await applyEach(ack(1, 1, "10.0.0.11", "box"))
    const before = await called()
    const { change } = await add(2, "box", "10.0.0.50")
    await pending()
    const after = await called()
    assert.deepStrictEqual(after, { 1: "client box-000001, auto box-000001" })
    const undone = await undo(change)
    await pending()
    assert.deepStrictEqual(await called(), before)
    const redone = await undo(undone)
    await pending()
    assert.deepStrictEqual(await called(), after)
    await undo(redone)
    await applyEach(ack(9, 1, "10.0.0.11", "box"))
    await pending()
    assert.deepStrictEqual(await called(), before)
  })

  it("comes back from a system that was called so", async () => {
    await applyEach(ack(1, 2, "10.0.0.12"), ack(2, 1, "10.0.0.11", "box"))
    const before = await called()
    const { change } = await add(2, "box", "10.0.0.50")
    await pending()
    assert.deepStrictEqual(await called(), {
      1: "client box-000001, auto box-000001",
      2: "reservation box, administrator box"
    })
    await undo(change)
    await pending()
    assert.deepStrictEqual(await called(), before)
  })

  it("stays whose it is by then, and the automatic one follows its system", async () => {
    await applyEach(ack(1, 1, "10.0.0.11", "box"))
    const { change } = await add(2, "box", "10.0.0.50")
    await pending()
    await undo(change)
    await applyEach(ack(2, 3, "10.0.0.13", "box"))
    await pending()
    await applyEach(ack(3, 3, "10.0.0.13", "box"))
    assert.deepStrictEqual(await called(), {
      1: "client box-000001, auto box-000001",
      3: "client box, auto box"
    })
  })

  it("comes back with its reservation only, where its system is called otherwise by then", async () => {
    await applyEach(ack(1, 1, "10.0.0.11", "box"))
    const { change } = await add(2, "other", "10.0.0.11")
    await pending()
    await rename(1, Hostname.make("crate"))
    await undo(change)
    await pending()
    assert.deepStrictEqual(await called(), { 1: "administrator crate, auto crate" })
  })

  it("may be told by a client before it is settled who is called how", async () => {
    await applyEach(ack(1, 1, "10.0.0.11", "nas"), ack(2, 2, "10.0.0.12"))
    await add(3, "nas", "10.0.0.50")
    await applyEach(ack(3, 2, "10.0.0.12", "nas-000001"))
    await pending()
    assert.deepStrictEqual(await called(), {
      1: "client nas-00163e000001, auto nas-00163e000001",
      2: "client nas-000001, auto nas-000001"
    })
  })
})

describe("a name that an administrator gave", () => {
  it("is given back to the rules for good, or until that is taken back", async () => {
    await applyEach(ack(1, 1, "10.0.0.11", "box"), ack(2, 2, "10.0.0.12"))
    await rename(1, Hostname.make("crate"))
    await rename(2, Hostname.make("chest"))
    const before = await called()
    assert.deepStrictEqual(before, { 1: "administrator crate, auto crate", 2: "administrator chest, auto chest" })
    for (
      const [number, rules] of [[1, "client box, auto box"], [2, "generated host-000002, auto host-000002"]] as const
    ) {
      const { change, result } = await rename(number, "")
      assert.strictEqual(`${result.nameSource} ${result.name}, auto ${result.name}`, rules)
      const after = await called()
      assert.strictEqual(after[number], rules)
      const undone = await undo(change)
      assert.deepStrictEqual(await called(), before)
      const redone = await undo(undone)
      assert.deepStrictEqual(await called(), after)
      await undo(redone)
      await pending()
      assert.deepStrictEqual(await called(), before)
    }
  })

  it("is told to be given back whatever else is to be looked at", async () => {
    await applyEach(ack(1, 1, "10.0.0.11", "box"))
    await rename(1, Hostname.make("crate"))
    await sql(
      "INSERT INTO pending_names SELECT ('000000' || lpad(n::text, 6, '0'))::macaddr FROM generate_series(1, 1100) AS n"
    )
    const { result } = await rename(1, "")
    assert.deepInclude(result, { name: "box", nameSource: "client" })
  })

  it("is given back with those who get another name by it, and taken back with them", async () => {
    await sql("UPDATE naming_policies SET conflict = 'last-wins'")
    try {
      await applyEach(ack(1, 1, "10.0.0.11", "box"), ack(2, 2, "10.0.0.12", "box"))
      await rename(2, Hostname.make("crate"))
      await applyEach(ack(3, 3, "10.0.0.13", "box"))
      await rename(3, Hostname.make("chest"))
      await rename(1, "")
      const before = await called()
      const { change } = await rename(2, "")
      const after = await called()
      assert.notDeepEqual(after, before)
      await undo(change)
      assert.deepStrictEqual(await called(), before)
    } finally {
      await sql("UPDATE naming_policies SET conflict = 'first-wins'")
    }
  })
})

describe("the numbers of a policy", () => {
  const removals: Readonly<Record<string, () => Promise<unknown>>> = {
    "the policy": () => sql("DELETE FROM naming_policies WHERE subnet_id IS NOT NULL"),
    "its subnet": () => served.ipam.deleteSubnet({ key: "auto", withReservations: true })
  }
  for (const [what, remove] of Object.entries(removals)) {
    it(`go on where they were when ${what} was removed, and that is taken back`, async () => {
      await sql("INSERT INTO naming_policies (subnet_id, pattern) SELECT id, 'pc-{seq}' FROM subnets")
      await applyEach(ack(1, 1, "10.0.0.11"), ack(2, 2, "10.0.0.12"))
      assert.deepStrictEqual(await called(), { 1: "generated pc-1, auto pc-1", 2: "generated pc-2, auto pc-2" })
      await sql("DELETE FROM systems WHERE name = 'pc-1'")
      await remove()
      const { changes: [removal] } = await served.ipam.listChanges({ pageSize: 1 })
      await undo(removal?.id ?? 0n)
      await applyEach(ack(3, 3, "10.0.0.13"))
      assert.strictEqual((await called())[3], "generated pc-3, auto pc-3")
    })
  }
})
