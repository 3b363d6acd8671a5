/** Subnets through the API: what may be set, who is in the way, and how full they are. */
import { Code } from "@connectrpc/connect"
import { eventually } from "@leasehold/devstack/test"
import { SubnetPolicy } from "@leasehold/registry-api"
import pg from "pg"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { macOf, refusal, type ServedIpam, servedIpam } from "./ServedIpam.ts"

let served: ServedIpam
beforeAll(async () => {
  served = await servedIpam()
})
afterAll(() => served?.close())
beforeEach(async () => {
  const { database } = served
  await database.query(
    "TRUNCATE reservations, subnet_servers, subnet_exclusions, subnets, dhcp_servers, outbox, systems, address_history, subnet_usage, change_log, address_holds, naming_policies CASCADE"
  )
  await database.query("INSERT INTO naming_policies (domain) VALUES ('lan.example')")
})

type Wanted = NonNullable<Parameters<ServedIpam["ipam"]["createSubnet"]>[0]["subnet"]>

const lab = () =>
  served.ipam.createSubnet({
    subnet: {
      cidr: "10.0.0.0/24",
      name: "lab",
      policy: SubnetPolicy.AUTO,
      range: { first: "10.0.0.100", last: "10.0.0.199" },
      gateway: "10.0.0.1",
      dnsServers: ["10.0.0.2", "9.9.9.9"],
      domain: "lab.example",
      leaseTime: { seconds: 7200n },
      servers: ["lab", "annex"],
      excluded: [{ first: "10.0.0.240", last: "10.0.0.254" }, { first: "10.0.0.5" }],
      comment: "=1+1 <b>the lab</b>"
    }
  })

describe("a subnet", () => {
  it("is not called by an address or another network, and by its own as long as nobody says otherwise", async () => {
    await served.ipam.createSubnet({ subnet: { cidr: "10.92.0.0/24" } })
    for (const name of ["10.92.0.0/24", "10.92.0.0/16", "10.93.0.1", "42", "10.93/16"]) {
      const refused = await refusal(served.ipam.createSubnet({ subnet: { cidr: "10.93.0.0/24", name } }))
      assert.deepStrictEqual([refused.code, refused.fields], [Code.InvalidArgument, ["subnet.name"]], name)
      const bySql = await served.database.query("INSERT INTO subnets (cidr, name) VALUES ('10.93.0.0/24', $1)", [name])
        .then(() => "done", String)
      assert.include(bySql, name === "10.92.0.0/24" ? "subnets_name_" : "subnets_name_address_check", name)
    }
    const move = (cidr: string) =>
      served.ipam.updateSubnet({ key: "10.92.0.0/24", subnet: { cidr }, updateMask: { paths: ["cidr"] }, dryRun: true })
    assert.strictEqual((await move("10.92.0.0/16")).subnet?.name, "10.92.0.0/16")
    await served.database.query("UPDATE subnets SET cidr = '10.94.0.0/24'")
    assert.strictEqual((await served.ipam.getSubnet({ key: "10.94.0.7" })).subnet?.name, "10.94.0.0/24")
  })

  it("has everything that was said of it, and servers that nobody knew before", async () => {
    const { change, subnet } = await lab()
    assert.isAbove(Number(change), 0)
    const again = (await served.ipam.getSubnet({ key: "10.0.0.0/24" })).subnet
    assert.deepStrictEqual(again, subnet)
    assert.strictEqual(again?.name, "lab")
    assert.strictEqual(again?.policy, SubnetPolicy.AUTO)
    assert.deepStrictEqual([again?.range?.first, again?.range?.last], ["10.0.0.100", "10.0.0.199"])
    assert.strictEqual(again?.gateway, "10.0.0.1")
    assert.deepStrictEqual(again?.dnsServers, ["10.0.0.2", "9.9.9.9"])
    assert.strictEqual(again?.domain, "lab.example")
    assert.strictEqual(again?.leaseTime?.seconds, 7200n)
    assert.deepStrictEqual(again?.servers, ["annex", "lab"])
    assert.deepStrictEqual(again?.excluded.map(({ first, last }) => `${first}-${last}`), [
      "10.0.0.5-10.0.0.5",
      "10.0.0.240-10.0.0.254"
    ])
    assert.strictEqual(again?.comment, "=1+1 <b>the lab</b>")
    assert.lengthOf(await served.database.query("SELECT FROM dhcp_servers"), 2)
  })

  it("needs nothing but its network: the domain is that of the default naming policy", async () => {
    const { subnet } = await served.ipam.createSubnet({ subnet: { cidr: "10.9.0.0/16" } })
    assert.strictEqual(subnet?.name, "10.9.0.0/16")
    assert.strictEqual(subnet?.domain, "lan.example")
    assert.strictEqual(subnet?.policy, SubnetPolicy.MANUAL)
    assert.strictEqual(subnet?.autoKeep?.seconds, 30n * 86_400n)
    assert.strictEqual(subnet?.autoShare, 0.8)
    assert.strictEqual(subnet?.utilisation?.addresses, 65_534n)
    assert.strictEqual(subnet?.utilisation?.free, 65_534n)
  })

  it("is found by its network, its name, and any address in it", async () => {
    await lab()
    for (const key of ["10.0.0.0/24", "lab", "10.0.0.77"]) {
      assert.strictEqual((await served.ipam.getSubnet({ key })).subnet?.cidr, "10.0.0.0/24")
    }
    const none = await refusal(served.ipam.getSubnet({ key: "10.3.0.1" }))
    assert.strictEqual(none.code, Code.NotFound)
    assert.include(none.message, "10.0.0.0/24 lab")
    assert.strictEqual((await refusal(served.ipam.getSubnet({ key: "" }))).code, Code.InvalidArgument)
  })

  it("does not overlap another, which is named", async () => {
    await lab()
    for (const cidr of ["10.0.0.128/25", "10.0.0.0/8", "10.0.0.0/24"]) {
      const { code, fields, message } = await refusal(served.ipam.createSubnet({ subnet: { cidr } }))
      assert.strictEqual(code, Code.AlreadyExists)
      assert.deepStrictEqual(fields, ["subnet.cidr"])
      assert.include(message, "10.0.0.0/24 (lab)")
    }
    await served.ipam.createSubnet({ subnet: { cidr: "10.94.0.0/24" } })
    const { message } = await refusal(served.ipam.createSubnet({ subnet: { cidr: "10.94.0.0/25" } }))
    assert.match(message, /overlaps the subnet 10\.94\.0\.0\/24$/u)
  })

  const wrong: ReadonlyArray<readonly [string, Wanted, string]> = [
    ["text for a network", { cidr: "lab" }, "subnet.cidr"],
    ["an IPv6 network", { cidr: "fd00::/64" }, "subnet.cidr"],
    ["a network with host bits", { cidr: "10.5.0.7/24" }, "subnet.cidr"],
    ["a network of two addresses", { cidr: "10.5.0.0/31" }, "subnet.cidr"],
    ["multicast addresses", { cidr: "224.0.0.0/24" }, "subnet.cidr"],
    ["a name with a line end", { cidr: "10.5.0.0/24", name: "a\nb" }, "subnet.name"],
    ["a name of escapes", { cidr: "10.5.0.0/24", name: "\u001b[31mred" }, "subnet.name"],
    ["a name of 300 bytes", { cidr: "10.5.0.0/24", name: "n".repeat(300) }, "subnet.name"],
    ["a range outside", { cidr: "10.5.0.0/24", range: { first: "10.6.0.1", last: "10.6.0.9" } }, "subnet.range"],
    [
      "a range that runs backwards",
      { cidr: "10.5.0.0/24", range: { first: "10.5.0.9", last: "10.5.0.2" } },
      "subnet.range"
    ],
    [
      "a range with the broadcast address",
      { cidr: "10.5.0.0/24", range: { first: "10.5.0.9", last: "10.5.0.255" } },
      "subnet.range"
    ],
    ["a gateway outside", { cidr: "10.5.0.0/24", gateway: "10.6.0.1" }, "subnet.gateway"],
    ["a gateway that is no address", { cidr: "10.5.0.0/24", gateway: "router" }, "subnet.gateway"],
    ["exclusions that overlap", {
      cidr: "10.5.0.0/24",
      excluded: [{ first: "10.5.0.1", last: "10.5.0.9" }, { first: "10.5.0.9", last: "10.5.0.20" }]
    }, "subnet.excluded"],
    ["a domain with a space", { cidr: "10.5.0.0/24", domain: "a b" }, "subnet.domain"],
    ["a lease time below two minutes", { cidr: "10.5.0.0/24", leaseTime: { seconds: 60n } }, "subnet.lease_time"],
    ["a server that is no token", { cidr: "10.5.0.0/24", servers: ["a.b"] }, "subnet.servers"],
    ["a share above one", { cidr: "10.5.0.0/24", autoShare: 1.5 }, "subnet.auto_share"],
    ["a comment with escapes", { cidr: "10.5.0.0/24", comment: "\u001b[2J" }, "subnet.comment"],
    ["a comment of 301 characters", { cidr: "10.5.0.0/24", comment: "x".repeat(301) }, "subnet.comment"]
  ]
  for (const [what, subnet, field] of wrong) {
    it(`is refused for ${what}`, async () => {
      const { code, fields } = await refusal(served.ipam.createSubnet({ subnet }))
      assert.strictEqual(code, Code.InvalidArgument)
      assert.deepStrictEqual(fields, [field])
      assert.lengthOf(await served.database.query("SELECT FROM subnets"), 0)
    })
  }

  it("changes in the fields of the mask and in no others", async () => {
    await lab()
    const { subnet } = await served.ipam.updateSubnet({
      key: "lab",
      subnet: {
        cidr: "10.0.0.0/23",
        name: "laboratory",
        servers: ["lab", "third"],
        excluded: [{ first: "10.0.1.1", last: "10.0.1.9" }]
      },
      updateMask: { paths: ["cidr", "name", "servers", "excluded"] }
    })
    assert.strictEqual(subnet?.cidr, "10.0.0.0/23")
    assert.strictEqual(subnet?.name, "laboratory")
    assert.strictEqual(subnet?.gateway, "10.0.0.1")
    assert.deepStrictEqual(subnet?.servers, ["lab", "third"])
    assert.deepStrictEqual(subnet?.excluded.map(({ first }) => first), ["10.0.1.1"])
    const cleared = await served.ipam.updateSubnet({
      key: "laboratory",
      subnet: {},
      updateMask: { paths: ["range", "gateway", "lease_time", "comment", "dns_servers"] }
    })
    assert.isUndefined(cleared.subnet?.range)
    assert.isUndefined(cleared.subnet?.leaseTime)
    assert.strictEqual(cleared.subnet?.gateway, "")
    assert.deepStrictEqual(cleared.subnet?.dnsServers, [])
    const unknown = await refusal(
      served.ipam.updateSubnet({ key: "laboratory", subnet: {}, updateMask: { paths: ["id"] } })
    )
    assert.deepStrictEqual(unknown.fields, ["update_mask"])
    assert.deepStrictEqual((await refusal(served.ipam.updateSubnet({ key: "laboratory", subnet: {} }))).fields, [
      "update_mask"
    ])
  })

  it("may lease for ever, which is told by more than dnsmasq can count, and understood so", async () => {
    await lab()
    const set = async (seconds: bigint) =>
      (await served.ipam.updateSubnet({
        key: "lab",
        subnet: { leaseTime: { seconds } },
        updateMask: { paths: ["lease_time"] }
      })).subnet?.leaseTime?.seconds
    assert.strictEqual(await set(2_147_483_647n), 2_147_483_647n)
    assert.strictEqual(await set(9_000_000_000n), 2_147_483_648n)
    assert.strictEqual(await set(2_147_483_648n), 2_147_483_648n)
  })

  it("is not changed so that a reservation would be outside, or have the gateway's address", async () => {
    await lab()
    await served.ipam.createReservation({ reservation: { macs: [macOf(1)], address: "10.0.0.200", name: "nas" } })
    const set = (subnet: { cidr?: string; gateway?: string }, path: string) =>
      refusal(
        served.ipam.updateSubnet({ key: "lab", subnet: { ...subnet, range: undefined }, updateMask: { paths: [path] } })
      )
    await served.ipam.updateSubnet({ key: "lab", subnet: {}, updateMask: { paths: ["range", "excluded"] } })
    const smaller = await set({ cidr: "10.0.0.0/25" }, "cidr")
    assert.strictEqual(smaller.code, Code.FailedPrecondition)
    assert.include(smaller.message, `nas ${macOf(1)} 10.0.0.200`)
    const gateway = await set({ gateway: "10.0.0.200" }, "gateway")
    assert.deepStrictEqual(gateway.fields, ["subnet.gateway"])
    assert.include(gateway.message, "nas")
  })

  it("does not take a domain in which two machines would have one name", async () => {
    await lab()
    await served.ipam.createSubnet({ subnet: { cidr: "10.1.0.0/24", domain: "two.example" } })
    await served.ipam.createReservation({ reservation: { macs: [macOf(1)], address: "10.0.0.7", name: "nas" } })
    await served.ipam.createReservation({ reservation: { macs: [macOf(2)], address: "10.1.0.7", name: "nas" } })
    const { fields, message } = await refusal(
      served.ipam.updateSubnet({
        key: "10.1.0.0/24",
        subnet: { domain: "lab.example" },
        updateMask: { paths: ["domain"] }
      })
    )
    assert.deepStrictEqual(fields, ["subnet.domain"])
    assert.include(message, "nas")
  })

  it("is removed only with its reservations, and a trial removes nothing", async () => {
    await lab()
    await served.ipam.createReservation({
      reservation: { macs: [macOf(1), macOf(2)], address: "10.0.0.7", name: "nas" }
    })
    const refused = await refusal(served.ipam.deleteSubnet({ key: "lab" }))
    assert.strictEqual(refused.code, Code.FailedPrecondition)
    assert.include(refused.message, "has reservations (1)")
    const trial = await served.ipam.deleteSubnet({ key: "lab", withReservations: true, dryRun: true })
    assert.deepStrictEqual([trial.change, trial.reservations], [0n, 1n])
    assert.lengthOf(await served.database.query("SELECT FROM subnets"), 1)
    assert.strictEqual((await served.ipam.deleteSubnet({ key: "lab", withReservations: true })).reservations, 1n)
    assert.lengthOf(await served.database.query("SELECT FROM reservations"), 0)
  })

  it("is listed in the order of networks, page by page, by server", async () => {
    for (const number of [3, 1, 2]) {
      await served.ipam.createSubnet({
        subnet: { cidr: `10.${number}.0.0/24`, servers: number === 2 ? ["other"] : ["lab"] }
      })
    }
    const first = await served.ipam.listSubnets({ pageSize: 2 })
    assert.deepStrictEqual(first.subnets.map(({ cidr }) => cidr), ["10.1.0.0/24", "10.2.0.0/24"])
    const second = await served.ipam.listSubnets({ pageSize: 2, pageToken: first.nextPageToken })
    assert.deepStrictEqual(second.subnets.map(({ cidr }) => cidr), ["10.3.0.0/24"])
    assert.strictEqual(second.nextPageToken, "")
    const ofLab = await served.ipam.listSubnets({ server: "lab" })
    assert.deepStrictEqual(ofLab.subnets.map(({ cidr }) => cidr), ["10.1.0.0/24", "10.3.0.0/24"])
    const foreign = await refusal(served.ipam.listSubnets({ server: "lab", pageToken: first.nextPageToken }))
    assert.deepStrictEqual(foreign.fields, ["page_token"])
  })
})

describe("the utilisation of a subnet", () => {
  it("counts what is reserved, automatic, leased by whatever server, and free", async () => {
    await lab()
    await served.ipam.createReservation({
      reservation: { macs: [macOf(1), macOf(9)], address: "10.0.0.7", name: "nas" }
    })
    await served.database.query(`
      INSERT INTO reservations (mac, address, name, source) VALUES ('${macOf(2)}', '10.0.0.8', 'tv', 'auto')`)
    await served.database.query(`
      INSERT INTO systems (mac, name, name_source, first_seen, last_seen, server, server_stamp, address, address_server, address_stamp)
      VALUES ('${macOf(1)}', 'nas', 'reservation', now(), now(), 'lab', '', '10.0.0.7', 'lab', ''),
        ('${macOf(3)}', 'pc', 'client', now(), now(), 'lab', '', '10.0.0.120', 'lab', '')`)
    await served.database.query(`
      INSERT INTO address_history (server, address, mac, during) VALUES
        ('lab', '10.0.0.120', '${macOf(3)}', tstzrange(now(), NULL)), ('zzz', '10.0.0.121', '${
      macOf(3)
    }', tstzrange(now(), NULL)),
        ('lab', '10.0.0.122', '${macOf(4)}', tstzrange(now() - interval '1 day', now()))`)
    const { subnet } = await served.ipam.getSubnet({ key: "lab" })
    const { addresses, automatic, free, leased, reserved } = subnet?.utilisation ?? {}
    // 254 without the gateway, one DNS server, sixteen excluded, two reserved, and two more that are leased.
    assert.deepStrictEqual([addresses, reserved, automatic, leased, free], [254n, 2n, 1n, 3n, 232n])
  })

  it("is counted when a change is done: nobody waits for it", async () => {
    await lab()
    const other = new pg.Client({ connectionString: served.database.url })
    await other.connect()
    await other.query("BEGIN")
    await other.query("LOCK TABLE address_history IN ACCESS EXCLUSIVE MODE")
    const changed = served.ipam.updateSubnet({
      key: "lab",
      subnet: { comment: "new" },
      updateMask: { paths: ["comment"] }
    })
    try {
      await eventually("the change is there", async () => {
        const [row] = await served.database.query<{ comment: string }>("SELECT comment FROM subnets")
        return row?.comment === "new" ? row : undefined
      })
    } finally {
      await other.end()
    }
    assert.strictEqual((await changed).subnet?.utilisation?.free, 236n)
  })
})
