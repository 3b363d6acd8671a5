/** The review: each thing that an administrator should look at is found under its code, and a sound registry has none. */
import { FindingSeverity } from "@leasehold/registry-api"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { macOf, type ServedIpam, servedIpam } from "./ServedIpam.ts"

let served: ServedIpam
beforeAll(async () => {
  served = await servedIpam()
})
afterAll(() => served?.close())
beforeEach(async () => {
  await served.database.query(
    "TRUNCATE reservations, subnet_servers, subnet_exclusions, subnets, dhcp_servers, systems, address_history, gaps, subnet_usage CASCADE"
  )
  await served.ipam.createSubnet({
    subnet: {
      cidr: "10.0.0.0/24",
      name: "lab",
      gateway: "10.0.0.1",
      range: { first: "10.0.0.100", last: "10.0.0.199" },
      servers: ["lab"]
    }
  })
  await sql(
    "UPDATE dhcp_servers SET applied_generation = 1, applied_at = now(), applied_hash = '', applied_reservations = 0"
  )
})

const sql = (text: string) => served.database.query(text)
const reserve = (number: number, address: string, name: string) =>
  served.ipam.createReservation({ reservation: { macs: [macOf(number)], address, name } })
const system = (number: number, name: string, address: string | null, state = "known") =>
  served.database.query(
    `INSERT INTO systems (mac, name, name_source, first_seen, last_seen, server, server_stamp, address, address_server, address_stamp, state)
     VALUES ($1, $2, 'client', now(), now(), 'lab', '', $3, 'lab', '', $4)`,
    [macOf(number), name, address, state]
  )
const findings = async (code: string) =>
  (await served.ipam.checkRegistry({})).findings.filter((finding) => finding.code === code)

it("finds nothing where nothing is the matter", async () => {
  await reserve(1, "10.0.0.7", "nas")
  await system(1, "nas", "10.0.0.7")
  assert.deepStrictEqual((await served.ipam.checkRegistry({})).findings, [])
})

const cases: Readonly<Record<string, readonly [prepare: () => Promise<unknown>, subject: string, says: string]>> = {
  "server-failed": [
    () =>
      sql(
        "UPDATE dhcp_servers SET result = 'failed', attempted_generation = 3, attempted_at = now(), error = 'no such file'"
      ),
    "lab",
    "no such file"
  ],
  "server-behind": [
    () =>
      sql(
        "UPDATE dhcp_servers SET wanted_generation = 9, wanted_since = now() - interval '6 minutes', applied_at = now() - interval '1 hour'"
      ),
    "lab",
    "generation 9 has been wanted since"
  ],
  "subnet-full": [
    () => sql("INSERT INTO subnet_exclusions SELECT id, cidr, '10.0.0.2', '10.0.0.254' FROM subnets"),
    "10.0.0.0/24",
    "0 of 254"
  ],
  "subnet-nearly-full": [
    () => sql("INSERT INTO subnet_exclusions SELECT id, cidr, '10.0.0.12', '10.0.0.254' FROM subnets"),
    "10.0.0.0/24",
    "10 of 254"
  ],
  "reservation-address-held": [
    () => reserve(1, "10.0.0.7", "nas").then(() => system(2, "tv", "10.0.0.7")),
    "10.0.0.7",
    macOf(2)
  ],
  "subnet-without-server": [
    () => reserve(1, "10.0.0.7", "nas").then(() => sql("DELETE FROM subnet_servers")),
    "10.0.0.0/24",
    "1 enabled reservations"
  ],
  "events-lost": [
    () =>
      sql(
        "INSERT INTO gaps (event_id, server, at, reason, lost) VALUES ('a', 'lab', now(), 'overflow', 7), ('b', 'lab', now() - interval '2 days', 'older', 9)"
      ),
    "lab",
    "1 gaps in the last day, 7 events lost"
  ],
  "name-held-by-another": [
    () => reserve(1, "10.0.0.7", "nas").then(() => system(2, "nas", null)),
    "nas",
    macOf(2)
  ],
  "server-without-subnet": [
    () => sql(`INSERT INTO address_history VALUES ('stranger', '10.0.0.9', '${macOf(1)}', tstzrange(now(), NULL))`),
    "stranger",
    "tells of leases"
  ],
  "reservation-in-range": [() => reserve(1, "10.0.0.150", "nas"), "10.0.0.150", "nas is inside the dynamic range"],
  "subnet-without-range": [
    () => served.ipam.createSubnet({ subnet: { cidr: "10.1.0.0/24", name: "office" } }),
    "10.1.0.0/24",
    "office"
  ],
  "reservation-of-blocked": [
    () => reserve(1, "10.0.0.7", "nas").then(() => system(1, "nas", null, "blocked")),
    macOf(1),
    "blocked"
  ],
  "address-outside-subnets": [() => system(1, "nas", "192.0.2.7"), "192.0.2.0/24", "192.0.2.7"]
}

describe("the review", () => {
  for (const [code, [prepare, subject, says]] of Object.entries(cases)) {
    it(`finds ${code}`, async () => {
      assert.deepStrictEqual(await findings(code), [])
      await prepare()
      const [finding, ...others] = await findings(code)
      assert.lengthOf(others, 0)
      assert.strictEqual(finding?.subject, subject)
      assert.include(finding?.message, says)
      assert.isNotEmpty(finding?.advice)
      assert.notStrictEqual(finding?.severity, FindingSeverity.UNSPECIFIED)
    })
  }

  it("tells the gravest first, and of many the first hundred and how many more there are", async () => {
    await sql(
      "INSERT INTO reservations (mac, address, name) SELECT ('00:16:3e:00:00:' || lpad(to_hex(n), 2, '0'))::macaddr, '10.0.0.100'::inet + n % 100, 'n' || n || 'x' FROM generate_series(0, 99) AS n"
    )
    await sql("UPDATE subnets SET range_first = '10.0.0.99'")
    await reserve(1, "10.0.0.99", "one-more")
    await sql("UPDATE dhcp_servers SET result = 'failed', attempted_generation = 3, attempted_at = now(), error = 'e'")
    const { findings: all } = await served.ipam.checkRegistry({})
    assert.strictEqual(all[0]?.code, "server-failed")
    assert.lengthOf(await findings("reservation-in-range"), 101)
    assert.strictEqual((await findings("reservation-in-range")).at(-1)?.message, "and 1 more")
  })
})
