import { type DhcpEvent, DiscoveryFact } from "@leasehold/events"
import { Effect, Schema } from "effect"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { Applier } from "../../src/apply/Applier.ts"
import { event, mac } from "../randomEvents.ts"
import { type RegistryDatabase, registryDatabase, withApplier } from "../registryDatabase.ts"

let database: RegistryDatabase
beforeAll(async () => {
  database = await registryDatabase()
  await database.query("INSERT INTO dhcp_servers (server) VALUES ('lab')")
  await database.query(
    "INSERT INTO subnets (cidr, name, policy, gateway) VALUES ('10.0.0.0/24', 'auto', 'auto', '10.0.0.1'), ('10.1.0.0/24', 'manual', 'manual', NULL)"
  )
  await database.query("INSERT INTO subnet_servers SELECT id, 'lab' FROM subnets")
})
afterAll(() => database?.close())
beforeEach(async () => {
  await database.query(
    "TRUNCATE systems, sightings, address_history, gaps, reservations, outbox, given_names, pending_names, subnet_usage, name_conflicts"
  )
  await database.query(
    "UPDATE subnets SET reserve_randomised = false, auto_share = 0.8, range_first = NULL, range_last = NULL"
  )
})

const start = Date.now() * 1000 - 3_600_000_000
/** An event so many seconds after the start. */
const say = (second: number, kind: string, body: object): DhcpEvent =>
  event(`lab.${kind}`, { id: `e${second}`, ...body }, start + second * 1_000_000)
const apply = (...events: ReadonlyArray<DhcpEvent>) =>
  withApplier(database.url, Effect.flatMap(Applier, (applier) => applier.apply(events)))
const applyEach = async (...events: ReadonlyArray<DhcpEvent>) => {
  for (const one of events) await apply(one)
}
const pending = () => withApplier(database.url, Effect.flatMap(Applier, (applier) => applier.applyPendingNames))
const system = async (number: number): Promise<Readonly<Record<string, unknown>>> => {
  const [row] = await database.query<Record<string, unknown>>(
    "SELECT name, name_source, host(address) AS address, client_name FROM systems WHERE mac = $1",
    [mac(number)]
  )
  return row ?? {}
}
const reservations = () =>
  database.query<{ mac: string; address: string; name: string; source: string }>(
    "SELECT mac::text, host(address) AS address, name, source FROM reservations ORDER BY address"
  )
/** The facts in the outbox, each checked by its schema. */
const facts = async () => {
  const rows = await database.query<{ subject: string; type: string; body: unknown }>(
    "SELECT subject, type, body FROM outbox ORDER BY id"
  )
  return rows.map(({ body, subject, type }) => {
    const fact = Schema.decodeUnknownSync(DiscoveryFact)(body)
    assert.strictEqual(fact.type, type)
    assert.isTrue(subject.startsWith(`discovery.v1.${type}.`), subject)
    return fact
  })
}

describe("what an event may change", () => {
  it("is nothing of an address for the ACK of an INFORM, a NAK, an OFFER or a REQUEST", async () => {
    await apply(
      say(1, "ack", { mac: mac(1), ip: "10.0.0.10", inform: true }),
      say(2, "nak", { mac: mac(1), ip: "10.0.0.11" }),
      say(3, "offer", { mac: mac(1), ip: "10.0.0.12" }),
      say(4, "request", { mac: mac(1), ip: "10.0.0.13" }),
      say(5, "ack", { mac: mac(1), ip: "0.0.0.0" })
    )
    assert.deepInclude(await system(1), { address: null })
    assert.deepStrictEqual(await database.query("SELECT FROM sightings"), [])
    assert.deepStrictEqual(await reservations(), [])
  })

  it("is the observation only when a system gets another address than its reserved one", async () => {
    await applyEach(
      say(1, "ack", { mac: mac(1), ip: "10.0.0.10" }),
      say(2, "ack", { mac: mac(1), ip: "10.0.0.99" })
    )
    assert.deepInclude(await system(1), { address: "10.0.0.99" })
    assert.deepStrictEqual((await reservations()).map(({ address }) => address), ["10.0.0.10"])
  })

  it("is not a name for the lack of one", async () => {
    await applyEach(
      say(1, "ack", { mac: mac(1), ip: "10.0.0.10", hostname: "nas", interface: "br-lan" }),
      say(2, "ack", { mac: mac(1), ip: "10.0.0.10" })
    )
    assert.deepInclude(await system(1), { name: "nas", client_name: "nas" })
    assert.deepStrictEqual(await database.query("SELECT interface FROM systems"), [{ interface: "br-lan" }])
  })

  it("is the end of a lease for RELEASE, expiry and DECLINE, of the holder's alone", async () => {
    for (const [number, kind] of [[1, "release"], [2, "expire"], [3, "decline"]] as const) {
      const ip = `10.0.0.${number + 20}`
      await applyEach(say(1, "ack", { mac: mac(number), ip }), say(2, kind, { mac: mac(9), ip }))
      assert.deepInclude(await system(number), { address: ip }, kind)
      await apply(say(3, kind, { mac: mac(number), ip }))
      assert.deepInclude(await system(number), { address: null }, kind)
    }
    const open = await database.query("SELECT FROM address_history WHERE upper_inf(during)")
    assert.lengthOf(open, 0)
  })

  it("is the address that is left when one of two is given up", async () => {
    await applyEach(
      say(1, "ack", { mac: mac(1), ip: "10.1.0.10" }),
      say(2, "ack", { mac: mac(1), ip: "10.1.0.11" }),
      say(3, "release", { mac: mac(1), ip: "10.1.0.11" })
    )
    assert.deepInclude(await system(1), { address: "10.1.0.10" })
  })

  it("is the address of a system that another one got", async () => {
    await applyEach(say(1, "ack", { mac: mac(1), ip: "10.1.0.10" }), say(2, "ack", { mac: mac(2), ip: "10.1.0.10" }))
    assert.deepInclude(await system(1), { address: null })
    assert.deepInclude(await system(2), { address: "10.1.0.10" })
    const changed = (await facts()).flatMap((fact) =>
      fact.type === "system.address-changed" ? [[fact.mac, fact.previous, fact.address]] : []
    )
    assert.deepStrictEqual(changed, [[mac(1), "10.1.0.10", null]])
  })

  it("is an IPv6 address only where there is no IPv4 address", async () => {
    await applyEach(
      say(1, "v6-reply", { duid: "00:01", mac: mac(1), ip: "fd00::10" }),
      say(2, "ack", { mac: mac(1), ip: "10.1.0.10" }),
      say(3, "v6-reply", { duid: "00:01", mac: mac(1), ip: "fd00::10" })
    )
    assert.deepInclude(await system(1), { address: "10.1.0.10" })
    await apply(say(4, "release", { mac: mac(1), ip: "10.1.0.10" }))
    assert.deepInclude(await system(1), { address: "fd00::10" })
  })
})

describe("a renewal", () => {
  it("writes no history, no reservation and no fact", async () => {
    await apply(say(1, "ack", { mac: mac(1), ip: "10.0.0.10", hostname: "nas" }))
    const rows =
      "SELECT xmin::text, ctid::text FROM address_history UNION ALL SELECT xmin::text, ctid::text FROM reservations"
    const before = await database.query(rows)
    const said = (await facts()).length
    const { announced } = await apply(say(2, "ack", { mac: mac(1), ip: "10.0.0.10", hostname: "nas" }))
    assert.isFalse(announced)
    assert.deepStrictEqual(await database.query(rows), before)
    assert.lengthOf(await facts(), said)
  })

  it("that is delivered again changes no row at all", async () => {
    const events = [
      say(1, "ack", { mac: mac(1), ip: "10.0.0.10", hostname: "nas" }),
      say(2, "request", { mac: mac(1), ip: "10.0.0.10" })
    ]
    await apply(...events)
    const rows =
      "SELECT xmin::text FROM systems UNION ALL SELECT xmin::text FROM sightings UNION ALL SELECT xmin::text FROM outbox"
    const before = await database.query(rows)
    await apply(...events)
    assert.deepStrictEqual(await database.query(rows), before)
  })
})

describe("names of clients", () => {
  it("are not those that we gave: generated, suffixed, or an administrator's", async () => {
    await applyEach(
      say(1, "discover", { mac: mac(1) }),
      say(2, "ack", { mac: mac(1), ip: "10.1.0.10", hostname: "host-000001" })
    )
    assert.deepInclude(await system(1), { name: "host-000001", name_source: "generated", client_name: null })

    await applyEach(
      say(3, "ack", { mac: mac(2), ip: "10.1.0.11", hostname: "nas" }),
      say(4, "ack", { mac: mac(3), ip: "10.1.0.12", hostname: "nas" }),
      say(5, "ack", { mac: mac(3), ip: "10.1.0.12", hostname: "nas-000003" })
    )
    assert.deepInclude(await system(3), { name: "nas-000003", client_name: "nas" })

    await database.query("INSERT INTO reservations (mac, address, name) VALUES ($1, '10.1.0.12', 'archive')", [mac(3)])
    await pending()
    await apply(say(6, "ack", { mac: mac(3), ip: "10.1.0.12", hostname: "archive" }))
    assert.deepInclude(await system(3), { name: "archive", name_source: "reservation", client_name: "nas" })
    await database.query("UPDATE reservations SET name = 'vault'")
    await pending()
    await apply(say(7, "ack", { mac: mac(3), ip: "10.1.0.12", hostname: "archive" }))
    assert.deepInclude(await system(3), { name: "vault", client_name: "nas" })
  })

  it("are the client's own word before dnsmasq's answer", async () => {
    await applyEach(
      say(1, "ack", { mac: mac(1), ip: "10.1.0.10", clientName: "Desk.example.com", hostname: "desk" }),
      say(2, "ack", { mac: mac(1), ip: "10.1.0.10", hostname: "other" })
    )
    assert.deepInclude(await system(1), { name: "desk", client_name: "Desk.example.com" })
  })

  it("upgrade a generated name once, and the reservation with it", async () => {
    await applyEach(
      say(1, "ack", { mac: mac(1), ip: "10.0.0.10" }),
      say(2, "ack", { mac: mac(1), ip: "10.0.0.10", hostname: "nas" }),
      say(3, "ack", { mac: mac(1), ip: "10.0.0.10", hostname: "tv" })
    )
    assert.deepInclude(await system(1), { name: "nas", client_name: "tv" })
    assert.deepStrictEqual((await reservations()).map(({ name }) => name), ["nas"])
    const renamed = (await facts()).flatMap((fact) =>
      fact.type === "system.renamed" ? [[fact.previous, fact.name]] : []
    )
    assert.deepStrictEqual(renamed, [["host-000001", "nas"]])
  })

  it("that are taken raise one conflict, however many want them", async () => {
    await applyEach(
      say(1, "ack", { mac: mac(1), ip: "10.1.0.10", hostname: "nas" }),
      say(2, "ack", { mac: mac(2), ip: "10.1.0.11", hostname: "nas" }),
      say(3, "ack", { mac: mac(2), ip: "10.1.0.11", hostname: "nas" }),
      say(4, "ack", { mac: mac(2), ip: "10.1.0.11", hostname: "nas-000002" }),
      say(5, "ack", { mac: mac(3), ip: "10.1.0.12", hostname: "nas" })
    )
    await apply(
      ...[4, 5, 6].map((number) =>
        say(number + 2, "ack", { mac: mac(number), ip: `10.1.0.2${number}`, hostname: "NAS" })
      )
    )
    assert.deepInclude(await system(6), { name: "nas-000006", name_source: "client" })
    const conflicts = (await facts()).flatMap((fact) =>
      fact.type === "system.name-conflict" ? [[fact.mac, fact.name, fact.wanted, fact.holder]] : []
    )
    assert.deepStrictEqual(conflicts, [[mac(2), "nas-000002", "nas", mac(1)]])
  })
})

describe("an administrator's reservation", () => {
  it("names its system, and whoever was called so gives way", async () => {
    await applyEach(
      say(1, "ack", { mac: mac(1), ip: "10.0.0.10", hostname: "nas" }),
      say(2, "ack", { mac: mac(2), ip: "10.0.0.11", hostname: "tv" })
    )
    await database.query("UPDATE reservations SET name = 'nas' WHERE mac = $1", [mac(2)])
    assert.strictEqual(await pending(), 2)
    assert.deepInclude(await system(1), { name: "nas-000001", name_source: "client" })
    assert.deepInclude(await system(2), { name: "nas", name_source: "reservation" })
    assert.deepStrictEqual((await reservations()).map(({ name, source }) => [name, source]), [
      ["nas-000001", "auto"],
      ["nas", "administrator"]
    ])
    await facts()
  })

  it("has its name though a client calls itself as the one that gives way would be called", async () => {
    await applyEach(
      say(1, "ack", { mac: mac(1), ip: "10.0.0.10", hostname: "nas" }),
      say(2, "ack", { mac: mac(2), ip: "10.0.0.11", hostname: "nas-000001" })
    )
    await database.query("INSERT INTO reservations (mac, address, name) VALUES ($1, '10.0.0.50', 'nas')", [mac(3)])
    const before = await reservations()
    await pending()
    assert.deepStrictEqual(await reservations(), before)
    assert.deepStrictEqual(before.map(({ name }) => name), ["nas-00163e000001", "nas-000001", "nas"])
    assert.deepInclude(await system(1), { name: "nas-00163e000001", name_source: "client" })
    assert.deepInclude(await system(2), { name: "nas-000001" })
  })

  it("keeps its name from newcomers though its system was never seen", async () => {
    await database.query("INSERT INTO reservations (mac, address, name) VALUES ($1, '10.0.0.50', 'nas')", [mac(7)])
    await apply(say(1, "ack", { mac: mac(1), ip: "10.0.0.10", hostname: "nas" }))
    assert.deepInclude(await system(1), { name: "nas-000001" })
    await apply(say(2, "ack", { mac: mac(7), ip: "10.0.0.51", hostname: "box" }))
    assert.deepInclude(await system(7), { name: "nas", name_source: "reservation", address: "10.0.0.51" })
    assert.deepStrictEqual((await reservations()).map(({ address, source }) => [address, source]), [
      ["10.0.0.10", "auto"],
      ["10.0.0.50", "administrator"]
    ])
  })

  it("gives its name back when it ends", async () => {
    await apply(say(1, "ack", { mac: mac(1), ip: "10.1.0.10", hostname: "box" }))
    await database.query("INSERT INTO reservations (mac, address, name) VALUES ($1, '10.1.0.10', 'nas')", [mac(1)])
    await pending()
    assert.deepInclude(await system(1), { name: "nas" })
    await database.query("DELETE FROM reservations")
    await pending()
    assert.deepInclude(await system(1), { name: "box", name_source: "client" })
  })
})

describe("automatic reservations", () => {
  it("are for acknowledged addresses in subnets with the policy auto", async () => {
    await apply(
      say(1, "ack", { mac: mac(1), ip: "10.0.0.10", hostname: "nas" }),
      say(2, "ack", { mac: mac(2), ip: "10.1.0.10" }),
      say(3, "ack", { mac: mac(3), ip: "192.168.0.1" }),
      say(4, "ack", { mac: mac(4), ip: "10.0.0.1" })
    )
    assert.deepStrictEqual(await reservations(), [{ mac: mac(1), address: "10.0.0.10", name: "nas", source: "auto" }])
  })

  it("are for made-up MACs only where the subnet says so", async () => {
    const madeUp = "da:a1:19:00:00:01"
    await apply(say(1, "ack", { mac: madeUp, ip: "10.0.0.10" }))
    assert.lengthOf(await reservations(), 0)
    await database.query("UPDATE subnets SET reserve_randomised = true")
    await apply(say(2, "ack", { mac: madeUp, ip: "10.0.0.10" }))
    assert.lengthOf(await reservations(), 1)
  })

  it("stop before their share of the range is taken", async () => {
    await database.query(
      "UPDATE subnets SET range_first = '10.0.0.10', range_last = '10.0.0.19', auto_share = 0.3 WHERE name = 'auto'"
    )
    for (let number = 1; number <= 6; number++)
      await apply(say(number, "ack", { mac: mac(number), ip: `10.0.0.${number + 10}` }))
    assert.deepStrictEqual((await reservations()).map(({ mac }) => mac), [mac(1), mac(2), mac(3)])
  })

  it("are in every subnet that a system visits, under one name", async () => {
    await database.query("UPDATE subnets SET policy = 'auto'")
    await applyEach(
      say(1, "ack", { mac: mac(1), ip: "10.0.0.10", hostname: "laptop" }),
      say(2, "ack", { mac: mac(1), ip: "10.1.0.10", hostname: "laptop" })
    )
    await database.query("UPDATE subnets SET policy = 'manual' WHERE name = 'manual'")
    assert.deepStrictEqual((await reservations()).map(({ address, name }) => [address, name]), [
      ["10.0.0.10", "laptop"],
      ["10.1.0.10", "laptop"]
    ])
  })
})

it("announces a gap once, and keeps what it says", async () => {
  const gap = say(1, "gap", { reason: "overflow: 12 log entries lost", lost: 12, from: "2026-11-22T00:00:00Z" })
  await apply(gap, gap)
  await apply(gap)
  assert.deepStrictEqual((await facts()).map(({ type }) => type), ["ingest.gap"])
  assert.deepStrictEqual(await database.query("SELECT server, reason, lost FROM gaps"), [
    { server: "lab", reason: "overflow: 12 log entries lost", lost: "12" }
  ])
})

it("keeps no system for a client without a six-octet address", async () => {
  const { anonymous } = await apply(
    say(1, "ack", { hardwareAddress: "00:01:02:03:04:05:06:07", ip: "10.0.0.10" }),
    say(2, "v6-solicit", { duid: "00:01:02" })
  )
  assert.strictEqual(anonymous, 2)
  assert.lengthOf(await database.query("SELECT FROM systems"), 0)
})

it("keeps with each sighting where it was read", async () => {
  const provenance = {
    source: "log-file",
    path: "/var/log/dnsmasq.log",
    position: 17,
    line: "DHCPACK(br-lan) \"10.0.0.10\" \\ {},"
  }
  await apply(say(1, "ack", { mac: mac(1), ip: "10.1.0.10", provenance }))
  assert.deepStrictEqual(await database.query("SELECT provenance FROM sightings"), [{ provenance }])
})

describe("who has no say in automatic reservations", () => {
  const by = (server: string, second: number, number: number, address: string): DhcpEvent =>
    event(
      `${server}.ack`,
      { id: `e${server}${second}`, mac: mac(number), ip: address },
      start + second * 1_000_000
    )

  it("is a server that does not serve the subnet, however early it speaks", async () => {
    const foreign = by("annex", 1, 1, "10.0.0.7")
    await apply(foreign)
    assert.deepStrictEqual(await reservations(), [])
    await apply(by("lab", 5, 2, "10.0.0.7"))
    // Who loses falls back on what was seen next: by a server of the subnet.
    await applyEach(by("annex", 6, 2, "10.0.0.8"), by("lab", 7, 2, "10.0.0.9"), by("lab", 3, 1, "10.0.0.7"))
    const held = (await reservations()).map(({ address, mac }) => `${mac} ${address}`)
    assert.deepStrictEqual(held, [`${mac(1)} 10.0.0.7`, `${mac(2)} 10.0.0.9`])
  })

  it("is an address of a group, or none at all", async () => {
    const odd = ["01:00:5e:00:00:01", "33:33:00:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"]
    await apply(
      ...odd.map((address, index) => say(index, "ack", { mac: address, ip: `10.0.0.${20 + index}` })),
      say(9, "ack", { mac: mac(1), ip: "10.0.0.9" })
    )
    assert.deepStrictEqual((await reservations()).map(({ address }) => address), ["10.0.0.9"])
  })
})
