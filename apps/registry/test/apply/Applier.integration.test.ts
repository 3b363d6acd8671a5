import { afterAll, assert, describe, it } from "vitest"
import type { DhcpEvent } from "@leasehold/events"
import { Effect } from "effect"
import { Applier } from "../../src/apply/Applier.ts"
import { random, randomEvents, shuffled } from "../randomEvents.ts"
import { dump, type RegistryDatabase, registryDatabase, withApplier } from "../registryDatabase.ts"

const opened: Array<RegistryDatabase> = []
const database = async () => {
  const one = await registryDatabase()
  opened.push(one)
  await one.query("INSERT INTO dhcp_servers (server) VALUES ('lab'), ('annex')")
  await one.query(
    "INSERT INTO subnets (cidr, name, policy) VALUES ('10.0.0.0/24', 'auto', 'auto'), ('10.1.0.0/24', 'manual', 'manual')"
  )
  await one.query("INSERT INTO subnet_servers SELECT id, 'lab' FROM subnets")
  return one
}
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()))
})

/** Names that follow from addresses, vendors, subnets and MACs, in a subnet that takes none of clients and one that does. */
const withPolicies = async () => {
  const one = await database()
  await one.query("UPDATE naming_policies SET pattern = '{vendor}-{mac:4}', forbidden = '{client3,client5}'")
  await one.query(
    `INSERT INTO naming_policies (subnet_id, pattern, client_names, conflict)
     SELECT id, CASE name WHEN 'auto' THEN '{ip}-{mac:6}' ELSE '{subnet}-{mac}' END, name <> 'auto', 'reject' FROM subnets`
  )
  return one
}

const batches = (events: ReadonlyArray<DhcpEvent>, sizes: () => number): ReadonlyArray<ReadonlyArray<DhcpEvent>> => {
  const result: Array<ReadonlyArray<DhcpEvent>> = []
  for (let from = 0; from < events.length;) {
    const size = Math.max(1, sizes())
    result.push(events.slice(from, from + size))
    from += size
  }
  return result
}
const applyAll = (one: RegistryDatabase, all: ReadonlyArray<ReadonlyArray<DhcpEvent>>) =>
  withApplier(
    one.url,
    Effect.gen(function*() {
      const applier = yield* Applier
      yield* Effect.forEach(all, (events) => applier.apply(events), { discard: true })
    })
  )

const start = () => Date.now() * 1000 - 3600 * 1_000_000

describe("applying events", () => {
  for (
    const [seed, fresh] of [[1, database], [2, database], [3, database], [4, withPolicies], [5, withPolicies]] as const
  ) {
    it(`gives the same state in any order, in any batches, any number of times (seed ${seed})`, async () => {
      const events = randomEvents(seed, { macs: 12, addresses: 8, events: 250 }, start())
      const next = random(seed + 1000)
      const inOrder = await fresh()
      await applyAll(inOrder, events.map((event) => [event]))
      const expected = await dump(inOrder)
      assert.isAbove(expected["history"]?.length ?? 0, 20)
      assert.isAbove(expected["reservations"]?.length ?? 0, 3)

      const atOnce = await fresh()
      await applyAll(atOnce, [events])
      assert.deepStrictEqual(await dump(atOnce), expected)

      const disturbed = await fresh()
      const replayed = [...shuffled(events, next), ...shuffled(events, next).slice(0, 80)]
      await applyAll(disturbed, batches(replayed, () => Math.floor(next() * 40)))
      assert.deepStrictEqual(await dump(disturbed), expected)
      await applyAll(disturbed, [shuffled(events, next)])
      assert.deepStrictEqual(await dump(disturbed), expected)
    })
  }
})
