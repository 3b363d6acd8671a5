/** The search for a free address: it finds what a look at every address finds, reads little, and holds nobody up. */
import { Code } from "@connectrpc/connect"
import pg from "pg"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { nextSql, takeSql } from "../../src/ipam/Subnets/free.ts"
import { macOf, refusal, type ServedIpam, servedIpam } from "./ServedIpam.ts"

let served: ServedIpam
let client: pg.Client
beforeAll(async () => {
  served = await servedIpam()
  client = new pg.Client({ connectionString: served.database.url })
  await client.connect()
})
afterAll(async () => {
  await client?.end()
  await served?.close()
})
beforeEach(() => client.query("TRUNCATE reservations, subnets, systems, address_history, address_holds CASCADE"))

/** Leases as the registry has them, an array of numbers of addresses. */
const lease = (numbers: ReadonlyArray<number>) =>
  client.query(
    `INSERT INTO systems (mac, name, name_source, first_seen, last_seen, server, server_stamp, address, address_server, address_stamp)
    SELECT ('52:55' || regexp_replace(lpad(to_hex(n), 8, '0'), '(..)', ':\\1', 'g'))::macaddr, 'c' || n || 'x', 'client', now(), now(),
      'lab', '', '0.0.0.0'::inet + n, 'lab', '' FROM unnest($1::bigint[]) AS n`,
    [numbers]
  )
const reserve = (numbers: ReadonlyArray<number>) =>
  client.query(
    `INSERT INTO reservations (mac, address, name)
    SELECT ('52:56' || regexp_replace(lpad(to_hex(n), 8, '0'), '(..)', ':\\1', 'g'))::macaddr, '0.0.0.0'::inet + n, 'r' || n || 'x'
    FROM unnest($1::bigint[]) AS n`,
    [numbers]
  )
const remember = (numbers: ReadonlyArray<number>, until: string) =>
  client.query(
    `INSERT INTO address_history SELECT k.server, '0.0.0.0'::inet + n, '52:57:00:00:00:01', tstzrange(now() - interval '1 hour', ${until})
    FROM unnest($1::bigint[]) WITH ORDINALITY AS k1 (n, i), LATERAL (SELECT 's' || i % 3 AS server) AS k`,
    [numbers]
  )
const tell = (numbers: ReadonlyArray<number>, until: string) =>
  client.query(
    `INSERT INTO address_holds (address, subnet_id, until)
    SELECT '0.0.0.0'::inet + n, s.id, ${until} FROM unnest($1::bigint[]) AS n JOIN subnets s ON s.cidr >>= '0.0.0.0'::inet + n`,
    [numbers]
  )
const base = 10 * 2 ** 24
const dotted = (number: number) => [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join(".")

/** The same numbers each time. */
const random = (() => {
  let state = 1
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
})()

const kinds = ["leased", "reserved", "remembered", "told", "excluded", "ended", "forgotten", "free"] as const
type Kind = (typeof kinds)[number]
const isFree = (kind: Kind | undefined) => kind === "ended" || kind === "forgotten" || kind === "free"

describe("the search", () => {
  it("finds what a look at every address finds, from the beginning and from each address on", async () => {
    const of: Record<Kind, Array<number>> = {
      leased: [],
      reserved: [],
      remembered: [],
      told: [],
      excluded: [],
      ended: [],
      forgotten: [],
      free: []
    }
    const wanted: Array<{ readonly cidr: string; readonly beginning: string | null; readonly address: string | null }> =
      []
    for (let subnet = 0; subnet < 60; subnet++) {
      const network = base + subnet * 512
      const [first = 0, last = 0] = [1 + random(510), 1 + random(510)].toSorted((one, other) => one - other)
      const gateway = 1 + random(510)
      const usual = kinds[random(4)] ?? "leased"
      const variety = [0, 1, 20, 500][random(4)] ?? 0
      const kindOf = Array.from({ length: 511 }, (_, number): Kind => {
        if (number === 0 || number === gateway) return "excluded"
        return random(1_000) < variety ? kinds[random(kinds.length)] ?? "free" : usual
      })
      await client.query(
        "INSERT INTO subnets (cidr, name, gateway, range_first, range_last) VALUES ($1, $2, $3, $4, $5)",
        [
          `${dotted(network)}/23`,
          `n${subnet}`,
          dotted(network + gateway),
          dotted(network + first),
          dotted(network + last)
        ]
      )
      for (const [number, kind] of kindOf.entries()) {
        if (number > 0 && number !== gateway) of[kind].push(network + number)
      }
      const numbers = Array.from({ length: 510 }, (_, index) => index + 1)
      const inOrder = [
        ...numbers.filter((number) => number < first || number > last),
        ...numbers.filter((number) => number >= first && number <= last)
      ]
      for (const beginning of [undefined, ...Array.from({ length: 6 }, () => random(510))]) {
        const found = inOrder.slice(beginning ?? 0).find((number) => isFree(kindOf[number]))
        wanted.push({
          cidr: `${dotted(network)}/23`,
          beginning: beginning === undefined ? null : dotted(network + (inOrder[beginning] ?? 0)),
          address: found === undefined ? null : dotted(network + found)
        })
      }
    }
    await lease(of.leased)
    await reserve(of.reserved)
    await remember(of.remembered, "NULL")
    await remember(of.ended, "now() - interval '1 minute'")
    await tell(of.told, "now() + interval '1 minute'")
    await tell(of.forgotten, "now() - interval '1 minute'")
    await client.query(
      `INSERT INTO subnet_exclusions (subnet_id, subnet, first, last)
      SELECT s.id, s.cidr, '0.0.0.0'::inet + n, '0.0.0.0'::inet + n FROM unnest($1::bigint[]) AS n
      JOIN subnets s ON s.cidr >>= '0.0.0.0'::inet + n`,
      [of.excluded]
    )
    const { rows } = await client.query(
      `SELECT k.cidr::text, host(k.beginning) AS beginning, host(next_free_address(s.id, k.beginning)) AS address
      FROM unnest($1::cidr[], $2::inet[]) WITH ORDINALITY AS k (cidr, beginning, n) JOIN subnets s USING (cidr) ORDER BY k.n`,
      [wanted.map(({ cidr }) => cidr), wanted.map(({ beginning }) => beginning)]
    )
    assert.deepStrictEqual(rows, wanted)
    const none = wanted.filter(({ address }) => address === null).length
    assert.isAbove(none, 20)
    assert.isAbove(wanted.length - none, 20)
  })

  it("begins again where others took all that came after it", async () => {
    const { rows } = await client.query(
      "INSERT INTO subnets (cidr, name, gateway) VALUES ('10.0.0.0/29', 'lab', '10.0.0.6') RETURNING id"
    )
    await lease([2, 3, 4, 5].map((number) => base + number))
    const take = async () => (await client.query(takeSql, [rows[0].id, "10.0.0.3"])).rows
    assert.deepStrictEqual(await take(), [{ address: "10.0.0.1" }])
    await reserve([base + 1])
    assert.deepStrictEqual(await take(), [{ address: null }])
  })

  it("reads a few pages where a free address is early, and under the locks however late it is", async () => {
    await client.query("INSERT INTO subnets (cidr, name, gateway) VALUES ('10.0.0.0/16', 'lab', '10.0.0.1')")
    const leased = Array.from({ length: 20_000 }, (_, index) => base + 2 + index)
    await lease(leased)
    await remember(leased, "NULL")
    await client.query("VACUUM ANALYZE")
    const pages = async (sql: string, beginning: string | null) => {
      const plan = async () => {
        const { rows } = await client.query(
          `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${
            sql.replaceAll("$1", "(SELECT id FROM subnets)").replaceAll(
              "$2",
              beginning === null ? "NULL" : `'${beginning}'`
            )
          }`
        )
        const read = rows[0]["QUERY PLAN"][0].Plan
        return read["Shared Hit Blocks"] + read["Shared Read Blocks"]
      }
      // The first time on a connection PostgreSQL plans what is in the function.
      await plan()
      return await plan()
    }
    const whole = await pages(nextSql, null)
    assert.isBelow(await pages(takeSql, "10.0.78.34"), whole / 2)
    await client.query("UPDATE systems SET address = NULL WHERE address = '10.0.0.9'")
    await client.query("DELETE FROM address_history WHERE address = '10.0.0.9'")
    assert.isBelow(await pages(nextSql, null), whole / 2)
    assert.isBelow(whole, 1_000)
  })

  it("waits for nobody who writes: that a subnet is full is known at once", async () => {
    const { ipam } = served
    await ipam.createSubnet({ subnet: { cidr: "10.0.0.0/30", name: "tiny", gateway: "10.0.0.1" } })
    await ipam.createSubnet({ subnet: { cidr: "10.1.0.0/24", name: "office" } })
    await ipam.createReservation({ reservation: { macs: [macOf(1)], address: "10.0.0.2" } })
    await ipam.createReservation({ reservation: { macs: [macOf(2)], address: "10.1.0.2" } })
    await client.query("BEGIN")
    await client.query("SELECT take_writer_lock()")
    try {
      const reservation = { macs: [macOf(3)], address: "next", subnet: "tiny" }
      const added = await refusal(ipam.createReservation({ reservation }))
      const updateMask = { paths: ["address"] }
      const moved = await refusal(ipam.updateReservation({ key: "10.1.0.2", reservation, updateMask }))
      assert.deepStrictEqual([added.code, moved.code], [Code.ResourceExhausted, Code.ResourceExhausted])
      assert.deepStrictEqual([added.fields, moved.fields], [["reservation.address"], ["reservation.address"]])
    } finally {
      await client.query("ROLLBACK")
    }
  })
})
