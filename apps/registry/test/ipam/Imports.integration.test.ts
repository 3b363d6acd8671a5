/** Imports: all or nothing, every problem by its item, one change, one new generation. */
import { Code } from "@connectrpc/connect"
import { ImportMode, ReservationSource } from "@leasehold/registry-api"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { macOf, refusal, type ServedIpam, servedIpam } from "./ServedIpam.ts"

let served: ServedIpam
beforeAll(async () => {
  served = await servedIpam()
})
afterAll(() => served?.close())
beforeEach(async () => {
  await sql(
    "TRUNCATE reservations, subnet_servers, subnet_exclusions, subnets, dhcp_servers, systems, address_holds, subnet_usage, change_log, outbox CASCADE"
  )
  await served.ipam.createSubnet({
    subnet: { cidr: "10.0.0.0/16", name: "lab", domain: "lab.example", gateway: "10.0.0.1", servers: ["lab"] }
  })
  await served.ipam.createSubnet({
    subnet: { cidr: "10.1.0.0/24", name: "office", domain: "office.example", servers: ["lab", "annex"] }
  })
})
const sql = <Row extends object>(text: string) => served.database.query<Row>(text)

interface Host {
  readonly macs: Array<string>
  readonly address?: string
  readonly name?: string
  readonly subnet?: string
  readonly comment?: string
  readonly ignore?: boolean
  readonly enabled?: boolean
  readonly source?: ReservationSource
}
const host = (number: number, address: string, name?: string): Host => ({
  macs: [macOf(number)],
  address,
  ...(name === undefined ? {} : { name })
})
const run = (hosts: ReadonlyArray<Host>, mode: ImportMode = ImportMode.ADD, dryRun = false) =>
  served.ipam.importReservations((async function*() {
    for (let from = 0; from === 0 || from < hosts.length; from += 1_000) {
      yield { mode, dryRun, reservations: hosts.slice(from, from + 1_000).map((one) => ({ enabled: true, ...one })) }
    }
  })())
const many = (count: number) =>
  Array.from({ length: count }, (_, index) => host(index, `10.0.${1 + (index >> 8)}.${index & 255}`, `client-${index}`))
const rows = () =>
  sql<{ row: string }>(
    "SELECT concat_ws(' ', mac, host(address), name, source, comment) AS row FROM reservations ORDER BY coalesce(also_of, id), id"
  ).then((found) => found.map(({ row }) => row))
const generations = async () =>
  (await sql<{ wanted: string }>("SELECT server || ' ' || wanted_generation AS wanted FROM dhcp_servers ORDER BY 1"))
    .map(({ wanted }) => wanted)
const changes = async () =>
  Number((await sql<{ count: string }>("SELECT count(DISTINCT change) FROM change_log"))[0]?.count)

describe("an import of automatic reservations", () => {
  const exported = (number: number, address: string, name: string): Host => ({
    ...host(number, address, name),
    source: ReservationSource.AUTO
  })

  it("leaves those that are the same as they are, and takes over the others, which is seen", async () => {
    await sql(`INSERT INTO reservations (mac, address, name, source) VALUES
      ('${macOf(1)}', '10.0.0.7', 'nas', 'auto'), ('${macOf(2)}', '10.0.0.8', 'tv', 'auto'),
      ('${macOf(3)}', '10.0.0.9', 'pc', 'auto')`)
    const items = [
      exported(1, "10.0.0.7", "nas"),
      exported(2, "10.0.0.8", "telly"),
      host(3, "10.0.0.9", "pc"),
      exported(4, "10.0.0.10", "new")
    ]
    for (const mode of [ImportMode.ADD, ImportMode.UPDATE, ImportMode.REPLACE]) {
      const tried = await run(items, mode, true)
      assert.deepInclude(tried, { created: 1n, changed: 2n, unchanged: 1n, removed: 0n, problemCount: 0n })
      assert.deepStrictEqual(
        tried.differences.map(({ after, before }) => [before?.source, after?.source]),
        [
          [ReservationSource.AUTO, ReservationSource.IMPORT],
          [ReservationSource.AUTO, ReservationSource.IMPORT],
          [undefined, ReservationSource.IMPORT]
        ]
      )
    }
    await run(items, ImportMode.REPLACE)
    assert.deepStrictEqual(await rows(), [
      `${macOf(1)} 10.0.0.7 nas auto`,
      `${macOf(2)} 10.0.0.8 telly import`,
      `${macOf(3)} 10.0.0.9 pc import`,
      `${macOf(4)} 10.0.0.10 new import`
    ])
  })
})

describe("an import", () => {
  it("of two thousand is one change and one generation, and so is a rename after it", async () => {
    const before = await changes()
    const answer = await run(many(2_000))
    assert.deepInclude(answer, { created: 2_000n, changed: 0n, unchanged: 0n, removed: 0n, problemCount: 0n })
    assert.deepStrictEqual([await changes() - before, await generations()], [1, ["annex 1", "lab 2"]])
    await served.ipam.updateReservation({
      key: "client-7",
      reservation: { name: "renamed" },
      updateMask: { paths: ["name"] }
    })
    assert.deepStrictEqual([await changes() - before, await generations()], [2, ["annex 1", "lab 3"]])
    assert.strictEqual(
      (await served.ipam.getReservation({ key: "renamed" })).reservation?.source,
      ReservationSource.IMPORT
    )
    const [change] = (await served.ipam.listChanges({ key: "client-9" })).changes
    assert.deepStrictEqual([change?.id, change?.rowCount, change?.rows.length], [answer.change, 2_000n, 100])
    await refusal(served.ipam.undoChange({ id: answer.change }))
  })

  it("tells every problem with its item and field, and does nothing then", async () => {
    await served.ipam.createReservation({ reservation: { macs: [macOf(500)], address: "10.0.0.50", name: "nas" } })
    await served.ipam.createReservation({ reservation: { macs: [macOf(501)], address: "10.0.0.60", name: "other" } })
    const hosts: ReadonlyArray<Host> = [
      host(1, "10.0.0.7", "tv"),
      { macs: ["no mac"], address: "nowhere", name: "12h", comment: "\u001b[2J" },
      host(1, "10.0.0.8", "pc"),
      host(2, "10.0.0.7", "tv"),
      host(3, "10.0.0.50", "nas"),
      host(4, "10.9.0.1"),
      host(5, "10.0.0.1"),
      host(6, "10.0.255.255"),
      { macs: [macOf(7)], name: "free" },
      { macs: [macOf(8)], name: "free", subnet: "nowhere" },
      { ...host(9, "10.1.0.9"), subnet: "lab" },
      host(10, "next"),
      { macs: [], address: "10.0.0.9" },
      host(501, "10.0.0.61", "other")
    ]
    const answer = await run(hosts)
    assert.deepStrictEqual(answer.problems.map(({ field, item }) => `${item} ${field}`), [
      "1 macs",
      "1 address",
      "1 name",
      "1 comment",
      "2 macs",
      "3 address",
      "3 name",
      "4 address",
      "4 name",
      "5 address",
      "6 address",
      "7 address",
      "8 subnet",
      "9 subnet",
      "10 address",
      "11 address",
      "12 macs",
      "13 address"
    ])
    assert.strictEqual(answer.problemCount, 18n)
    assert.deepInclude(answer, { created: 0n, change: 0n })
    assert.include(
      answer.problems.find(({ field, item }) => item === 4n && field === "address")?.message,
      `nas ${macOf(500)}`
    )
    assert.include(answer.problems.find(({ item }) => item === 3n)?.message, "item 0")
    for (const { message } of answer.problems) assert.notMatch(message, /[\u0000-\u001f\u007f-\u009f]/u)
    assert.lengthOf(await rows(), 2)
  })

  it("tells who is called so by an administrator's word", async () => {
    await sql(`INSERT INTO systems (mac, name, name_source, first_seen, last_seen, server, server_stamp)
      VALUES ('${macOf(50)}', 'boss', 'administrator', now(), now(), 'lab', ''),
        ('${macOf(51)}', 'host-000003', 'administrator', now(), now(), 'lab', '')`)
    const answer = await run([host(1, "10.0.0.7", "tv"), host(2, "10.1.0.7", "boss"), host(3, "10.0.0.9")])
    assert.deepStrictEqual(answer.problems.map(({ field, item, message }) => `${item} ${field}: ${message}`), [
      `1 name: boss is the name of ${macOf(50)}`
    ])
    await run([host(50, "10.1.0.7", "boss"), host(3, "10.0.0.9")])
    assert.deepStrictEqual(await rows(), [
      `${macOf(3)} 10.0.0.9 host-525400000003 import`,
      `${macOf(50)} 10.1.0.7 boss import`
    ])
    // What is there already goes on.
    await sql("UPDATE systems SET name = 'host-525400000003', name_source = 'administrator' WHERE name = 'boss'")
    const again = await run([{ ...host(3, "10.0.0.9"), comment: "same" }], ImportMode.UPDATE)
    assert.deepInclude(again, { changed: 1n, problemCount: 0n })
  })

  it("tells a thousand of more problems, and how many there are", async () => {
    const answer = await run(Array.from({ length: 1_200 }, () => host(1, "10.0.0.7")))
    assert.lengthOf(answer.problems, 1_000)
    assert.strictEqual(answer.problemCount, 1_199n * 2n)
  })

  it("that is only tried tells the differences", async () => {
    await run([host(1, "10.0.0.7", "nas"), host(2, "10.0.0.8", "tv")])
    const before = await rows()
    const answer = await run([host(1, "10.0.0.9", "nas"), host(3, "10.0.0.10", "pc")], ImportMode.REPLACE, true)
    assert.deepInclude(answer, { created: 1n, changed: 1n, removed: 1n, unchanged: 0n, change: 0n })
    assert.deepStrictEqual(
      answer.differences.map(({ after, before: was, item }) => `${item} ${was?.address} ${after?.address}`),
      ["-1 10.0.0.8 undefined", "0 10.0.0.7 10.0.0.9", "1 undefined 10.0.0.10"]
    )
    assert.deepStrictEqual(await rows(), before)
  })

  it("names what has no name after its system, or by its MAC, and never two alike", async () => {
    await sql(`INSERT INTO systems (mac, name, name_source, first_seen, last_seen, server, server_stamp) VALUES
      ('${macOf(1)}', 'laptop', 'client', now(), now(), 'lab', ''), ('${
      macOf(2)
    }', 'tv', 'client', now(), now(), 'lab', '')`)
    await run([
      host(1, "10.0.0.11"),
      host(2, "10.0.0.12"),
      host(3, "10.0.0.13", "tv"),
      host(4, "10.0.0.14"),
      { macs: ["02:00:00:00:00:04"], address: "10.0.0.15" }
    ])
    assert.deepStrictEqual(
      (await sql<{ name: string }>("SELECT name FROM reservations ORDER BY address")).map(({ name }) => name),
      [
        "laptop",
        "host-000002",
        "tv",
        "host-000004",
        "host-020000000004"
      ]
    )
  })

  it("takes several MACs, names without an address, and entries that are ignored", async () => {
    await run([
      { macs: [macOf(1), macOf(2)], address: "10.0.0.7", name: "laptop" },
      { macs: [macOf(3)], subnet: "office", name: "phone" },
      { macs: [macOf(4)], subnet: "10.1.0.0/24", ignore: true },
      { ...host(5, "10.0.0.8", "off"), enabled: false }
    ])
    const lines: Array<string> = []
    for await (const answer of served.servers.exportHosts({ server: "lab" })) lines.push(...answer.lines)
    assert.deepStrictEqual(lines, [
      `${macOf(3).toUpperCase()},phone`,
      `${macOf(4).toUpperCase()},ignore`,
      `${macOf(1).toUpperCase()},${macOf(2).toUpperCase()},10.0.0.7,laptop`
    ])
  })

  it("takes automatic reservations over, and others give way to it", async () => {
    await sql(`INSERT INTO reservations (mac, address, name, source) VALUES ('${macOf(1)}', '10.0.0.7', 'nas', 'auto'),
      ('${macOf(2)}', '10.0.0.8', 'tv', 'auto'), ('${macOf(3)}', '10.0.0.9', 'pc', 'auto')`)
    const answer = await run([host(1, "10.0.0.7", "nas"), host(4, "10.0.0.8", "pc")])
    assert.deepInclude(answer, { created: 1n, changed: 1n, problemCount: 0n })
    assert.deepStrictEqual((await rows()).toSorted(), [
      `${macOf(1)} 10.0.0.7 nas import`,
      `${macOf(3)} 10.0.0.9 pc-000003 auto`,
      `${macOf(4)} 10.0.0.8 pc import`
    ])
  })

  it("is not held up by a client that calls itself as another would be called", async () => {
    await sql(`INSERT INTO reservations (mac, address, name, source) VALUES ('${macOf(1)}', '10.0.0.7', 'nas', 'auto'),
      ('${macOf(2)}', '10.0.0.8', 'nas-000001', 'auto')`)
    const answer = await run([host(4, "10.0.0.9", "nas"), host(5, "10.0.0.10", "nas-540000000001")])
    assert.deepInclude(answer, { created: 2n, problemCount: 0n })
    assert.deepStrictEqual((await rows()).toSorted(), [
      `${macOf(1)} 10.0.0.7 nas-525400000001 auto`,
      `${macOf(2)} 10.0.0.8 nas-000001 auto`,
      `${macOf(4)} 10.0.0.9 nas import`,
      `${macOf(5)} 10.0.0.10 nas-540000000001 import`
    ])
  })

  for (const moving of [true, false]) {
    it(`may exchange what automatic reservations have: names${moving ? " and addresses" : ""}`, async () => {
      await sql(
        `INSERT INTO reservations (mac, address, name, source) SELECT ('52:54:00:00:00:' || lpad(to_hex(n), 2, '0'))::macaddr,
      '10.0.0.0'::inet + n, 'a' || n || 'x', 'auto' FROM generate_series(2, 9) AS n`
      )
      const exchanged = [2, 3, 4, 5, 6, 7, 8, 9].map((number) =>
        host(number, `10.0.0.${moving ? 11 - number : number}`, `a${11 - number}x`)
      )
      const { change, ...answer } = await run(exchanged, ImportMode.UPDATE)
      assert.deepInclude(answer, { changed: 8n, problemCount: 0n })
      assert.deepStrictEqual(
        (await rows()).toSorted(),
        exchanged.map(({ address, macs, name }) => `${macs[0]} ${address} ${name} import`)
      )
      await served.ipam.undoChange({ id: change })
      assert.include(await rows(), `${macOf(2)} 10.0.0.2 a2x auto`)
    })
  }

  it("is refused where it is empty, or larger than the limit", async () => {
    assert.strictEqual((await refusal(run([]))).code, Code.InvalidArgument)
    const message = { mode: ImportMode.ADD, reservations: Array.from({ length: 1_000 }, () => ({ macs: ["x"] })) }
    const refused = await refusal(served.ipam.importReservations((async function*() {
      for (let index = 0; index < 101; index++) yield message
    })()))
    assert.strictEqual(refused.code, Code.ResourceExhausted)
    assert.include(refused.message, "100000")
  })
})

describe("what is there already", () => {
  const first = [host(1, "10.0.0.7", "nas"), host(2, "10.0.0.8", "tv"), host(3, "10.1.0.8", "pc")]
  beforeEach(() => run(first.map((one) => ({ ...one, comment: "kept" }))))

  it("is unchanged where it is the same, in every mode", async () => {
    const before = await generations()
    for (const mode of [ImportMode.ADD, ImportMode.UPDATE, ImportMode.REPLACE]) {
      assert.deepInclude(await run(first, mode), { created: 0n, changed: 0n, unchanged: 3n, removed: 0n, change: 0n })
    }
    assert.deepStrictEqual(await generations(), before)
  })

  it("must be the same where it is added to", async () => {
    const [problem, ...others] = (await run([host(1, "10.0.0.7", "other")])).problems
    assert.lengthOf(others, 0)
    assert.deepStrictEqual([problem?.item, problem?.field], [0n, "name"])
    assert.include(problem?.message, "nas")
  })

  it("is changed where it is updated, and what is not imported stays", async () => {
    assert.deepInclude(await run([host(1, "10.0.0.70", "store"), host(4, "10.0.0.7", "nas")], ImportMode.UPDATE), {
      created: 1n,
      changed: 1n,
      removed: 0n
    })
    assert.deepStrictEqual((await rows()).toSorted(), [
      `${macOf(1)} 10.0.0.70 store import kept`,
      `${macOf(2)} 10.0.0.8 tv import kept`,
      `${macOf(3)} 10.1.0.8 pc import kept`,
      `${macOf(4)} 10.0.0.7 nas import`
    ])
  })

  it("may exchange addresses, names and MACs", async () => {
    const exchanged = [host(1, "10.0.0.8", "tv"), host(2, "10.0.0.7", "nas"), {
      macs: [macOf(9), macOf(3)],
      address: "10.1.0.9",
      name: "pc"
    }]
    const before = await generations()
    assert.deepInclude(await run(exchanged, ImportMode.UPDATE), { changed: 3n, problemCount: 0n })
    assert.deepStrictEqual((await rows()).toSorted(), [
      `${macOf(1)} 10.0.0.8 tv import kept`,
      `${macOf(2)} 10.0.0.7 nas import kept`,
      `${macOf(3)} 10.1.0.9 pc import kept`,
      `${macOf(9)} 10.1.0.9 pc import kept`
    ])
    assert.deepStrictEqual(
      await generations(),
      before.map((one) => one.replace(/\d+$/u, (number) => String(Number(number) + 1)))
    )
  })

  it("goes where it is replaced, in the subnets concerned only, but not what is automatic", async () => {
    await sql(
      `INSERT INTO reservations (mac, address, name, source) VALUES ('${macOf(7)}', '10.0.0.77', 'auto', 'auto')`
    )
    assert.deepInclude(await run([host(4, "10.0.0.7", "nas")], ImportMode.REPLACE), { created: 1n, removed: 2n })
    assert.deepStrictEqual((await rows()).toSorted(), [
      `${macOf(3)} 10.1.0.8 pc import kept`,
      `${macOf(4)} 10.0.0.7 nas import`,
      `${macOf(7)} 10.0.0.77 auto auto`
    ])
  })
})
