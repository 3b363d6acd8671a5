/** The log of changes, and taking them back: afterwards everything is as it was before, or nothing has happened. */
import { Code } from "@connectrpc/connect"
import { ImportMode } from "@leasehold/registry-api"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { macOf, refusal, type ServedIpam, servedIpam } from "../ipam/ServedIpam.ts"

let served: ServedIpam
beforeAll(async () => {
  served = await servedIpam()
})
afterAll(() => served?.close())
beforeEach(async () => {
  await sql(
    "TRUNCATE reservations, subnet_servers, subnet_exclusions, subnets, dhcp_servers, systems, naming_policies, monitoring_configs, api_tokens, subnet_usage, change_log CASCADE"
  )
  await sql("INSERT INTO naming_policies (domain) VALUES ('lan.example')")
  await served.ipam.createSubnet({
    subnet: {
      cidr: "10.0.0.0/24",
      name: "lab",
      domain: "lab.example",
      leaseTime: { seconds: 7200n },
      servers: ["lab", "annex"],
      excluded: [{ first: "10.0.0.240", last: "10.0.0.250" }, { first: "10.0.0.5" }]
    }
  })
})

const sql = <Row extends object>(text: string) => served.database.query<Row>(text)

/** What is decided, as it stands in the tables; times of changes and revisions apart. */
const state = async () => {
  const rows = async (relation: string) =>
    (await sql<{ row: string }>(`SELECT logged_row(to_jsonb(t))::text AS row FROM ${relation} AS t ORDER BY 1`)).map((
      { row }
    ) => row)
  return {
    subnets: await rows("subnets"),
    servers: await rows("subnet_servers"),
    exclusions: await rows("subnet_exclusions"),
    reservations: await rows("reservations"),
    policies: await rows("naming_policies"),
    configs: await rows("monitoring_configs"),
    systems: await rows("systems"),
    usage: await rows("(SELECT * FROM subnet_usage WHERE automatic > 0)")
  }
}

const reserve = (macs: ReadonlyArray<number>, address: string, name: string) =>
  served.ipam.createReservation({
    reservation: { macs: macs.map(macOf), address, name, comment: "c", leaseInfinite: true }
  })

/** As somebody who writes SQL does it, in one transaction. */
const bySql = async (text: string) => {
  await sql(`DO $$ BEGIN ${text} END $$`)
  const [row] = await sql<{ change: string }>("SELECT max(change)::text AS change FROM change_log")
  return BigInt(row?.change ?? 0)
}
const system = (number: number, name: string) =>
  sql(`INSERT INTO systems (mac, name, name_source, first_seen, last_seen, server, server_stamp)
    VALUES ('${macOf(number)}', '${name}', 'client', now(), now(), 'lab', '')`)

const automatic = (number: number, address: string, name: string) =>
  sql(
    `INSERT INTO reservations (mac, address, name, source) VALUES ('${macOf(number)}', '${address}', '${name}', 'auto')`
  )

const update = async (key: string, reservation: object, ...paths: Array<string>) =>
  (await served.ipam.updateReservation({ key, reservation, updateMask: { paths } })).change

/** What was decided before the change that is to be undone. */
let before: Awaited<ReturnType<typeof state>>
const marked = async () => {
  before = await state()
}

const cases: Readonly<Record<string, () => Promise<bigint>>> = {
  "a new reservation with several MACs": async () => (await reserve([1, 2, 3], "10.0.0.7", "nas")).change,
  "one that ended an automatic one and took another's name": async () => {
    await automatic(4, "10.0.0.9", "tv")
    await automatic(5, "10.0.0.10", "nas")
    await sql("DELETE FROM change_log")
    await marked()
    return (await reserve([1, 2], "10.0.0.9", "nas")).change
  },
  "a changed address, name, lease time and comment": async () => {
    await reserve([1, 2], "10.0.0.7", "nas")
    await marked()
    return update(
      "nas",
      { address: "10.0.0.8", name: "tv", comment: "" },
      "address",
      "name",
      "comment",
      "lease_infinite"
    )
  },
  "replaced MACs": async () => {
    await reserve([1, 2, 3], "10.0.0.7", "nas")
    await marked()
    return update("nas", { macs: [3, 4, 5].map(macOf) }, "macs")
  },
  "an automatic reservation that was edited": async () => {
    await automatic(1, "10.0.0.7", "nas")
    await marked()
    return update("nas", { name: "tv" }, "name")
  },
  "a removed reservation with several MACs": async () => {
    await reserve([1, 2, 3], "10.0.0.7", "nas")
    await marked()
    return (await served.ipam.deleteReservation({ key: "nas" })).change
  },
  "a new subnet": async () =>
    (await served.ipam.createSubnet({ subnet: { cidr: "10.1.0.0/24", servers: ["lab"] } })).change,
  "a subnet that was changed altogether": async () => {
    await reserve([1, 2], "10.0.0.7", "nas")
    await marked()
    return (await served.ipam.updateSubnet({
      key: "lab",
      subnet: {
        cidr: "10.0.0.0/23",
        name: "other",
        domain: "other.example",
        servers: ["lab", "third"],
        excluded: [{ first: "10.0.1.4", last: "10.0.1.9" }, { first: "10.0.0.5" }],
        leaseTime: { seconds: 300n }
      },
      updateMask: { paths: ["cidr", "name", "domain", "servers", "excluded", "lease_time"] }
    })).change
  },
  "a subnet that was removed with its reservations": async () => {
    await reserve([1, 2], "10.0.0.7", "nas")
    await automatic(3, "10.0.0.8", "tv")
    await sql("INSERT INTO naming_policies (subnet_id, pattern, forbidden) SELECT id, 'x-{mac}', '{a,b}' FROM subnets")
    await marked()
    return (await served.ipam.deleteSubnet({ key: "lab", withReservations: true })).change
  },
  "an import that adds, changes, exchanges and removes": async () => {
    for (const number of [1, 2, 3]) await reserve([number], `10.0.0.${number}`, `n${number}`)
    await marked()
    return (await served.ipam.importReservations((async function*() {
      yield {
        mode: ImportMode.REPLACE,
        reservations: [
          { macs: [macOf(1)], address: "10.0.0.2", name: "n2", enabled: true },
          { macs: [macOf(2)], address: "10.0.0.1", name: "n1", enabled: true },
          { macs: [macOf(8), macOf(9)], address: "10.0.0.3", name: "n8", enabled: true }
        ]
      }
    })())).change
  },
  "a naming policy": () => bySql("UPDATE naming_policies SET pattern = 'h{seq}', forbidden = '{x}';"),
  "a monitoring configuration": async () => {
    await bySql(`INSERT INTO monitoring_configs (server, config) VALUES ('lab', '{"sources": [1.5, "a"]}');`)
    await marked()
    return bySql("DELETE FROM monitoring_configs;")
  },
  "a system that was blocked and renamed": async () => {
    await system(1, "laptop")
    await marked()
    return bySql("UPDATE systems SET state = 'blocked', name = 'thief', name_source = 'administrator';")
  },
  "a system that took another's name": async () => {
    await system(1, "tv")
    await system(2, "nas")
    await marked()
    return bySql(
      `UPDATE systems SET state = state, name_source = CASE name WHEN 'tv' THEN 'administrator' ELSE name_source END,
      name = CASE name WHEN 'tv' THEN 'nas' ELSE 'nas-000002' END;`
    )
  },
  "two reservations that exchanged their addresses step by step": async () => {
    await reserve([1], "10.0.0.1", "n1")
    await reserve([2], "10.0.0.2", "n2")
    await marked()
    return bySql(`UPDATE reservations SET address = '10.0.0.9' WHERE name = 'n1';
      UPDATE reservations SET address = '10.0.0.1' WHERE name = 'n2';
      UPDATE reservations SET address = '10.0.0.2' WHERE name = 'n1';`)
  }
}

describe("undoing", () => {
  for (const [what, make] of Object.entries(cases)) {
    it(`takes back ${what}, and can itself be undone`, async () => {
      await marked()
      const change = await make()
      const after = await state()
      const trial = await served.ipam.undoChange({ id: change, dryRun: true })
      assert.strictEqual(trial.change?.id, 0n)
      assert.isAbove(Number(trial.change?.rowCount), 0)
      assert.deepStrictEqual(await state(), after)

      const undone = (await served.ipam.undoChange({ id: change })).change
      assert.strictEqual(undone?.undoes, change)
      assert.strictEqual(undone?.action, `undo ${change}`)
      assert.deepStrictEqual(await state(), before)
      assert.notDeepEqual(before, after)
      const [listed] = (await served.ipam.listChanges({})).changes.filter(({ id }) => id === change)
      assert.strictEqual(listed?.undoneBy, undone?.id)

      const redone = (await served.ipam.undoChange({ id: undone?.id ?? 0n })).change
      assert.deepStrictEqual(await state(), after)
      assert.strictEqual((await served.ipam.listChanges({})).changes.find(({ id }) => id === change)?.undoneBy, 0n)
      await served.ipam.undoChange({ id: redone?.id ?? 0n })
      assert.deepStrictEqual(await state(), before)
    })
  }

  it("brings back exactly what was there before, identifiers and times of creation too", async () => {
    await reserve([1, 2], "10.0.0.7", "nas")
    const before = await state()
    const { change } = await served.ipam.deleteSubnet({ key: "lab", withReservations: true })
    assert.lengthOf((await state()).subnets, 0)
    await served.ipam.undoChange({ id: change })
    assert.deepStrictEqual(await state(), before)
    assert.include(before.reservations.join(), "created_at")
  })

  it("is refused where something was touched since, by the change that did", async () => {
    const { change } = await reserve([1, 2], "10.0.0.7", "nas")
    const later = await update("nas", { name: "tv" }, "name")
    const refused = await refusal(served.ipam.undoChange({ id: change }))
    assert.strictEqual(refused.code, Code.FailedPrecondition)
    assert.include(refused.message, `change ${later} (host set, by test:admin)`)
    await served.ipam.undoChange({ id: later })
    await served.ipam.undoChange({ id: change })
    assert.lengthOf((await state()).reservations, 0)
    const { changes } = await served.ipam.listChanges({ pageSize: 1 })
    const again = await refusal(served.ipam.undoChange({ id: change }))
    assert.deepInclude(again, {
      code: Code.FailedPrecondition,
      fields: [],
      message: `change ${change} is taken back already, by change ${changes[0]?.id}`
    })
  })

  it("is refused where the registry itself changed something since", async () => {
    await automatic(1, "10.0.0.7", "nas")
    const change = await update("nas", { name: "tv" }, "name")
    await sql("ALTER TABLE reservations DISABLE TRIGGER USER")
    await sql("UPDATE reservations SET observed_at = now() + interval '1 hour'")
    await sql("ALTER TABLE reservations ENABLE TRIGGER USER")
    assert.include((await refusal(served.ipam.undoChange({ id: change }))).message, "the registry itself")
  })

  it("is refused where somebody else has the place by now, and says who", async () => {
    await reserve([1], "10.0.0.7", "nas")
    const { change } = await served.ipam.deleteReservation({ key: "nas" })
    const refusedBy = async (number: number, address: string, name: string) => {
      const { reservation } = await reserve([number], address, name)
      const refused = await refusal(served.ipam.undoChange({ id: change }))
      assert.strictEqual(refused.code, Code.FailedPrecondition)
      await served.ipam.deleteReservation({ key: name })
      const holder = `${name} ${macOf(number)} ${address} (id ${reservation?.id})`
      const [before = "", after] = refused.message.split(holder)
      assert.strictEqual(after, "", refused.message)
      return before
    }
    const since = "something is in the way since: "
    assert.strictEqual(await refusedBy(2, "10.0.0.7", "tv"), `${since}10.0.0.7 is reserved for `)
    assert.strictEqual(
      await refusedBy(1, "10.0.0.8", "tv"),
      `${since}${macOf(1)} has a reservation in this subnet already: `
    )
    assert.strictEqual(await refusedBy(2, "10.0.0.8", "nas"), `${since}nas is the name of `)
    await served.ipam.undoChange({ id: change })
  })

  it("leaves what a system was observed to do since", async () => {
    await system(1, "laptop")
    const change = await bySql("UPDATE systems SET state = 'ignored';")
    await sql("UPDATE systems SET name = 'renamed-since'")
    await served.ipam.undoChange({ id: change })
    assert.deepStrictEqual(await sql("SELECT state, name FROM systems"), [{ state: "known", name: "renamed-since" }])
  })

  it("is refused for tokens, and for changes that there are not", async () => {
    const change = await bySql(
      "INSERT INTO api_tokens (name, hash, scope, created_by) VALUES ('t', sha256('t'), 'read', 'me');"
    )
    const refused = await refusal(served.ipam.undoChange({ id: change }))
    assert.strictEqual(refused.code, Code.FailedPrecondition)
    assert.include(refused.message, "token")
    for (const id of [0n, -1n, 999_999n, 9_223_372_036_854_775_807n]) {
      assert.strictEqual((await refusal(served.ipam.undoChange({ id }))).code, Code.NotFound)
    }
  })
})

describe("the list of changes", () => {
  it("has the latest first, with who did what, and each row before and after", async () => {
    await reserve([1], "10.0.0.7", "nas")
    await update("nas", { address: "10.0.0.9" }, "address")
    await update("nas", { address: "10.0.0.7" }, "address")
    await update("nas", { name: "tv" }, "name")
    const { changes } = await served.ipam.listChanges({})
    assert.deepStrictEqual(changes.map(({ action }) => action), [
      "host set",
      "host move",
      "host move",
      "host add",
      "subnet add",
      "insert naming_policies"
    ])
    assert.strictEqual(changes[0]?.actor, "test:admin")
    const [row] = changes[0]?.rows ?? []
    assert.deepStrictEqual([row?.entity, row?.label], ["reservation", `10.0.0.7 tv ${macOf(1)}`])
    assert.strictEqual(JSON.parse(row?.before ?? "{}").name, "nas")
    assert.strictEqual(JSON.parse(row?.after ?? "{}").name, "tv")
    assert.strictEqual(changes[3]?.rows[0]?.before, "")
  })

  it("finds what a change is about by any of its names, now or before", async () => {
    await reserve([1], "10.0.0.7", "nas")
    await update("nas", { name: "tv" }, "name")
    const actions = async (key: string) => (await served.ipam.listChanges({ key })).changes.map(({ action }) => action)
    assert.deepStrictEqual(await actions("NAS"), ["host set", "host add"])
    assert.deepStrictEqual(await actions("tv"), ["host set"])
    assert.deepStrictEqual(await actions("nas.lab.example"), ["host set", "host add"])
    assert.deepStrictEqual(await actions("10.0.0.7"), ["host set", "host add"])
    assert.deepStrictEqual(await actions(macOf(1)), ["host set", "host add"])
    assert.deepStrictEqual(await actions("10.0.0.0/24"), ["subnet add"])
    assert.deepStrictEqual(await actions("annex"), ["subnet add"])
    assert.deepStrictEqual(await actions("' OR true --"), [])
  })

  it("tells one change by its number", async () => {
    const { change } = await reserve([1], "10.0.0.7", "nas")
    const later = await update("nas", { name: "tv" }, "name")
    const told = async (filter: object) => (await served.ipam.listChanges(filter)).changes.map(({ id }) => id)
    assert.deepStrictEqual(await told({ id: change }), [change])
    assert.deepStrictEqual(await told({ id: later, key: "nas", actor: "test:admin" }), [later])
    assert.deepStrictEqual(await told({ id: later, actor: "nobody" }), [])
    assert.deepStrictEqual(await told({ id: later + 1n }), [])
    assert.strictEqual((await refusal(served.ipam.listChanges({ id: -1n }))).code, Code.InvalidArgument)
  })

  it("forgets what somebody shortened the log by", async () => {
    await reserve([1], "10.0.0.7", "nas")
    await sql("DELETE FROM change_log WHERE action = 'host add'")
    const { changes } = await served.ipam.listChanges({})
    assert.notInclude(changes.map(({ action }) => action), "host add")
    assert.isNotEmpty(changes)
  })

  it("is told by actor, since a time, and page by page", async () => {
    for (const number of [1, 2, 3]) await reserve([number], `10.0.0.${number}`, `n${number}`)
    const mine = async (pageToken: string) => served.ipam.listChanges({ actor: "test:admin", pageSize: 3, pageToken })
    const first = await mine("")
    const second = await mine(first.nextPageToken)
    assert.deepStrictEqual([...first.changes, ...second.changes].map(({ action }) => action), [
      "host add",
      "host add",
      "host add",
      "subnet add"
    ])
    assert.strictEqual(second.nextPageToken, "")
    assert.lengthOf((await served.ipam.listChanges({ actor: "nobody" })).changes, 0)
    assert.lengthOf(
      (await served.ipam.listChanges({ since: { seconds: BigInt(Math.floor(Date.now() / 1000) + 3600) } })).changes,
      0
    )
  })
})
