/**
 * Administrators at two replicas, and events at a third, all at once and about the same few machines: every call is
 * carried out or refused for a reason, every event is applied, and what follows from what agrees in the end.
 */
import { Code, ConnectError } from "@connectrpc/connect"
import { ImportMode } from "@leasehold/registry-api"
import { Effect } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { Applier } from "../../src/apply/Applier.ts"
import { mac, random, randomEvents } from "../randomEvents.ts"
import { withApplier } from "../registryDatabase.ts"
import { type ServedIpam, servedIpam } from "./ServedIpam.ts"

let one: ServedIpam
let other: ServedIpam
beforeAll(async () => {
  one = await servedIpam()
  other = await servedIpam(one.database, "test:other")
})
afterAll(async () => {
  await other?.close()
  await one?.close()
})

const reasons: ReadonlyArray<Code> = [
  Code.AlreadyExists,
  Code.FailedPrecondition,
  Code.InvalidArgument,
  Code.NotFound,
  Code.ResourceExhausted
]

/** Does something to a machine, an address or a name that others want too. */
const act = async ({ ipam }: ServedIpam, next: () => number): Promise<unknown> => {
  const pick = (count: number) => Math.floor(next() * count)
  const macs = [...new Set(Array.from({ length: 1 + pick(2) }, () => mac(pick(12))))]
  const address = `10.${pick(2)}.0.${1 + pick(20)}`
  const name = `client${pick(12)}`
  const key = [mac(pick(12)), address, name][pick(3)] ?? ""
  const updateMask = { paths: ["name", "address", "macs", "comment", "enabled"].slice(pick(5)) }
  const settings = { macs, address, name, comment: String(pick(9)), enabled: next() < 0.8 }
  switch (pick(9)) {
    case 0:
      return ipam.createReservation({ reservation: { macs, address, name } })
    case 1:
      return ipam.createReservation({ reservation: { macs, address: "next", subnet: "auto" } })
    case 2:
      return ipam.updateReservation({ key, reservation: settings, updateMask })
    case 3:
      return ipam.deleteReservation({ key })
    case 4:
      return ipam.importReservations((async function*() {
        yield {
          mode: pick(2) === 0 ? ImportMode.UPDATE : ImportMode.REPLACE,
          reservations: [settings, {
            ...settings,
            macs: [mac(20 + pick(9))],
            address: `10.0.0.${40 + pick(9)}`,
            name: ""
          }]
        }
      })())
    case 5:
      return ipam.nextFreeAddress({ subnet: "auto" })
    case 6:
      return ipam.updateSubnet({
        key: "auto",
        subnet: { servers: next() < 0.5 ? ["lab"] : ["lab", "annex"], domain: next() < 0.5 ? "" : "a.example" },
        updateMask: { paths: ["servers", "domain"] }
      })
    case 7:
      return ipam.checkRegistry({})
    default: {
      const { changes } = await ipam.listChanges({ pageSize: 5 })
      return ipam.undoChange({ id: changes[pick(5)]?.id ?? 1n })
    }
  }
}

describe("administrators and events at once", () => {
  it("get done or are told why not, and leave nothing that disagrees", async () => {
    await one.ipam.createSubnet({
      subnet: { cidr: "10.0.0.0/26", name: "auto", policy: 1, servers: ["lab"], gateway: "10.0.0.62" }
    })
    await one.ipam.createSubnet({ subnet: { cidr: "10.1.0.0/26", name: "manual", servers: ["lab", "annex"] } })
    const unexpected: Array<string> = []
    const outcomes = new Map<string, number>()
    const administer = async (served: ServedIpam, seed: number) => {
      const next = random(seed)
      for (let turn = 0; turn < 60; turn++) {
        const code = await act(served, next).then(() => undefined, (error: unknown) => {
          const { code, rawMessage } = ConnectError.from(error)
          if (!reasons.includes(code)) unexpected.push(`${Code[code]}: ${rawMessage}`)
          return code
        })
        const outcome = code === undefined ? "done" : Code[code]
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      }
    }
    const events = randomEvents(7, { macs: 12, addresses: 20, events: 600 }, (Date.now() - 3_600_000) * 1000)
    const apply = withApplier(
      one.database.url,
      Effect.gen(function*() {
        const applier = yield* Applier
        for (let from = 0; from < events.length; from += 10) {
          yield* applier.apply(events.slice(from, from + 10))
          yield* applier.applyPendingNames
        }
      })
    )
    await Promise.all([
      apply,
      ...[1, 2, 3].map((seed) => administer(one, seed)),
      ...[4, 5].map((seed) => administer(other, seed))
    ])

    assert.deepStrictEqual(unexpected, [])
    // Enough of everything happened for the rest to mean something.
    assert.isAbove(outcomes.get("done") ?? 0, 50)
    for (const code of ["AlreadyExists", "FailedPrecondition", "NotFound"])
      assert.isAbove(outcomes.get(code) ?? 0, 0, code)
    const actions = new Set(
      (await one.database.query<{ action: string }>(
        "SELECT DISTINCT split_part(action, ' ', 1) AS action FROM change_log"
      ))
        .map(({ action }) => action)
    )
    assert.includeMembers([...actions], ["host", "import", "subnet", "undo"])
    await withApplier(
      one.database.url,
      Effect.flatMap(Applier, (applier) => Effect.repeat(applier.applyPendingNames, { while: (count) => count > 0 }))
    )
    const none = (sql: string) => one.database.query(sql).then((rows) => assert.deepStrictEqual(rows, [], sql))
    await none(`SELECT r.id FROM reservations r JOIN reservations p ON p.id = r.also_of
      WHERE (r.address, r.name, r.subnet_id, r.domain, r.enabled, r.source, r.comment, r.lease_time)
        IS DISTINCT FROM (p.address, p.name, p.subnet_id, p.domain, p.enabled, p.source, p.comment, p.lease_time)`)
    await none(`SELECT y.mac FROM systems y WHERE y.reserved <> ARRAY(
      SELECT r.address FROM reservations r WHERE r.mac = y.mac AND r.address IS NOT NULL ORDER BY r.address)`)
    await none(`SELECT s.id FROM subnets s LEFT JOIN subnet_usage u ON u.subnet_id = s.id
      WHERE coalesce(u.automatic, 0) <> (SELECT count(*) FROM reservations r WHERE r.subnet_id = s.id AND r.source = 'auto')`)
    // Where another reservation of the domain has the name, the automatic one cannot.
    await none(`SELECT r.name, y.name AS called FROM reservations r JOIN systems y ON y.mac = r.mac
      WHERE r.source = 'auto' AND r.name <> y.name AND NOT EXISTS (
        SELECT FROM reservations o WHERE o.domain = r.domain AND o.name = y.name AND o.mac <> r.mac AND o.source <> 'auto')`)
    await none(
      "SELECT r.id FROM reservations r JOIN subnets s ON s.id = r.subnet_id WHERE (r.subnet, r.domain) <> (s.cidr, s.domain)"
    )
  })
})
