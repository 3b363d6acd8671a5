/** Reservations through the API: what may be decided, who is in the way, and what is said of it. */
import { Code } from "@connectrpc/connect"
import { ReservationSource } from "@leasehold/registry-api"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { macOf, refusal, type ServedIpam, servedIpam } from "./ServedIpam.ts"

let served: ServedIpam
beforeAll(async () => {
  served = await servedIpam()
})
afterAll(() => served?.close())
beforeEach(async () => {
  await served.database.query(
    "TRUNCATE reservations, subnet_servers, subnet_exclusions, subnets, dhcp_servers, outbox, systems, address_history, subnet_usage, change_log, address_holds, given_names, pending_names CASCADE"
  )
  await served.ipam.createSubnet({
    subnet: {
      cidr: "10.0.0.0/24",
      name: "lab",
      domain: "lab.example",
      gateway: "10.0.0.1",
      range: { first: "10.0.0.100", last: "10.0.0.199" },
      servers: ["lab"]
    }
  })
  await served.ipam.createSubnet({
    subnet: { cidr: "10.1.0.0/24", name: "office", domain: "office.example", gateway: "10.1.0.254" }
  })
})

interface Given {
  readonly address?: string
  readonly name?: string
  readonly subnet?: string
  readonly ignore?: boolean
  readonly comment?: string
  readonly leaseTime?: { readonly seconds: bigint; readonly nanos?: number }
  readonly leaseInfinite?: boolean
}
const create = (
  macs: ReadonlyArray<number | string>,
  given: Given,
  more: { readonly dryRun?: boolean; readonly disabled?: boolean } = {}
) =>
  served.ipam.createReservation({
    reservation: { ...given, macs: macs.map((mac) => typeof mac === "number" ? macOf(mac) : mac) },
    ...more
  })
const rows = () =>
  served.database.query<{ mac: string; address: string | null; name: string | null }>(
    "SELECT mac::text, host(address) AS address, name FROM reservations ORDER BY mac"
  )
const seen = (number: number, name: string, address?: string) =>
  served.database.query(
    `INSERT INTO systems (mac, name, name_source, first_seen, last_seen, server, server_stamp, address, address_server, address_stamp)
     VALUES ($1, $2, 'client', now(), now(), 'lab', '', $3, 'lab', '')`,
    [macOf(number), name, address ?? null]
  )

describe("a reservation", () => {
  it("is found by identifier, address, name, name and domain, and each of its MACs", async () => {
    const { change, reservation } = await create([1, 2], {
      address: "10.0.0.7",
      name: "NAS",
      comment: "=cmd|' /C calc'!A0"
    })
    assert.isAbove(Number(change), 0)
    assert.deepInclude(reservation, {
      macs: [macOf(1), macOf(2)],
      address: "10.0.0.7",
      name: "nas",
      subnet: "10.0.0.0/24",
      domain: "lab.example",
      enabled: true,
      source: ReservationSource.ADMINISTRATOR,
      comment: "=cmd|' /C calc'!A0",
      servers: ["lab"]
    })
    for (const key of [String(reservation?.id), "10.0.0.7", "nas", "NAS.lab.example.", macOf(1), "52-54-00-00-00-02"]) {
      assert.deepStrictEqual((await served.ipam.getReservation({ key })).reservation, reservation)
    }
    assert.strictEqual((await refusal(served.ipam.getReservation({ key: "nas.office.example" }))).code, Code.NotFound)
  })

  it("is not guessed where several are called so: the candidates are listed", async () => {
    await create([1], { address: "10.0.0.7", name: "nas" })
    await create([2], { address: "10.1.0.7", name: "nas" })
    const { code, message } = await refusal(served.ipam.getReservation({ key: "nas" }))
    assert.strictEqual(code, Code.FailedPrecondition)
    assert.include(message, `${macOf(1)} 10.0.0.7`)
    assert.include(message, `${macOf(2)} 10.1.0.7`)
    assert.strictEqual(
      (await served.ipam.getReservation({ key: "nas.office.example" })).reservation?.address,
      "10.1.0.7"
    )
  })

  it("may be a name without an address, or an entry that is ignored", async () => {
    const named = (await create([1], { subnet: "lab", name: "nas" })).reservation
    assert.deepInclude(named, { address: "", name: "nas", subnet: "10.0.0.0/24" })
    const ignored = (await create([2], { subnet: "10.1.0.0/24", ignore: true })).reservation
    assert.deepInclude(ignored, { address: "", name: "", ignore: true, servers: [] })
    assert.deepStrictEqual((await refusal(create([3], { name: "tv" }))).fields, ["reservation.subnet"])
    for (const given of [{ address: "10.0.0.9" }, { name: "tv" }, { leaseInfinite: true }]) {
      assert.strictEqual(
        (await refusal(create([4], { ...given, ignore: true, subnet: "lab" }))).code,
        Code.InvalidArgument
      )
    }
    assert.deepStrictEqual((await refusal(create([4, 5], { ignore: true, subnet: "lab" }))).fields, [
      "reservation.macs"
    ])
  })

  it("is named after its system, else by its MAC, else by all of it", async () => {
    await seen(1, "laptop")
    assert.strictEqual((await create([1], { address: "10.0.0.7" })).reservation?.name, "laptop")
    assert.strictEqual((await create([2], { address: "10.0.0.8" })).reservation?.name, "host-000002")
    assert.strictEqual(
      (await create(["02:00:00:00:00:02"], { address: "10.0.0.9" })).reservation?.name,
      "host-020000000002"
    )
  })

  it("is named by the naming policy of its subnet", async () => {
    await served.database.query(
      "INSERT INTO naming_policies (subnet_id, pattern) SELECT id, '{subnet}-{ip:dashed}' FROM subnets WHERE name = 'lab'"
    )
    await served.database.query(
      "INSERT INTO naming_policies (subnet_id, pattern) SELECT id, 'pc{seq}' FROM subnets WHERE name = 'office'"
    )
    assert.strictEqual((await create([1], { address: "10.0.0.7" })).reservation?.name, "lab-10-0-0-7")
    assert.strictEqual((await create([2], { address: "10.1.0.7" }, { dryRun: true })).reservation?.name, "pc1")
    assert.strictEqual((await create([2], { address: "10.1.0.7" })).reservation?.name, "pc1")
    assert.strictEqual((await create([3], { address: "10.1.0.8" })).reservation?.name, "pc2")
  })

  it("has a lease time of its own, or an infinite one, and may be disabled", async () => {
    assert.strictEqual(
      (await create([1], { address: "10.0.0.7", leaseTime: { seconds: 120n } })).reservation?.leaseTime?.seconds,
      120n
    )
    const infinite = (await create([2], { address: "10.0.0.8", leaseInfinite: true }, { disabled: true })).reservation
    assert.deepInclude(infinite, { leaseInfinite: true, enabled: false, servers: [] })
    assert.isUndefined(infinite?.leaseTime)
    for (
      const given of [{ leaseTime: { seconds: 119n } }, { leaseTime: { seconds: 300n, nanos: 1 } }, {
        leaseTime: { seconds: 300n },
        leaseInfinite: true
      }]
    ) {
      assert.deepStrictEqual((await refusal(create([3], { address: "10.0.0.9", ...given }))).fields, [
        "reservation.lease_time"
      ])
    }
  })

  it("that is only tried is told, and not there", async () => {
    const { change, reservation } = await create([1], { address: "10.0.0.7", name: "nas" }, { dryRun: true })
    assert.deepStrictEqual([change, reservation?.id, reservation?.name], [0n, 0n, "nas"])
    assert.lengthOf(await rows(), 0)
    assert.lengthOf(await served.database.query("SELECT FROM change_log WHERE entity = 'reservation'"), 0)
    await create([1], { address: "10.0.0.7", name: "nas" })
    assert.strictEqual((await refusal(create([2], { address: "10.0.0.7" }, { dryRun: true }))).code, Code.AlreadyExists)
  })

  it("of an administrator ends automatic ones in its way", async () => {
    await served.database.query(
      `INSERT INTO reservations (mac, address, name, source) VALUES ('${macOf(1)}', '10.0.0.7', 'nas', 'auto'), ('${
        macOf(2)
      }', '10.0.0.8', 'tv', 'auto')`
    )
    await create([2], { address: "10.0.0.7", name: "nas" })
    assert.deepStrictEqual(await rows(), [{ mac: macOf(2), address: "10.0.0.7", name: "nas" }])
  })
})

describe("what a reservation wants", () => {
  beforeEach(() => create([1], { address: "10.0.0.2", name: "nas" }))

  it("is not for a MAC that no interface has", async () => {
    for (const mac of ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "FF-FF-FF-FF-FF-FF", "01:00:5e:00:00:01"]) {
      assert.deepStrictEqual((await refusal(create([mac], { address: "10.0.0.7" }))).fields, ["reservation.macs"], mac)
      const bySql = served.database.query(
        "INSERT INTO reservations (mac, address, name) VALUES ($1, '10.0.0.7', 'x')",
        [
          mac
        ]
      )
      assert.include(await bySql.then(() => "done", String), "reservations_mac_check")
    }
  })

  it("is refused with who has the address, and which is free", async () => {
    const { code, fields, message } = await refusal(create([2], { address: "10.0.0.2", name: "tv" }))
    assert.strictEqual(code, Code.AlreadyExists)
    assert.deepStrictEqual(fields, ["reservation.address"])
    assert.include(message, `nas ${macOf(1)}`)
    assert.include(message, "10.0.0.3 is free")
  })

  it("is refused with who has the name, and which are free", async () => {
    await create([3], { address: "10.0.0.9", name: "nas-2" })
    const { fields, message } = await refusal(create([2], { address: "10.0.0.7", name: "nas" }))
    assert.deepStrictEqual(fields, ["reservation.name"])
    assert.include(message, `nas ${macOf(1)} 10.0.0.2`)
    assert.include(message, "nas-3 and nas-4 are free")
  })

  it("is refused with the system that is called so by an administrator's word", async () => {
    await seen(5, "boss")
    await served.database.query("UPDATE systems SET name_source = 'administrator'")
    for (const subnet of ["lab", "office"]) {
      const { code, fields, message } = await refusal(create([2], { subnet, name: "boss" }))
      assert.strictEqual(code, Code.AlreadyExists)
      assert.deepStrictEqual(fields, ["reservation.name"])
      assert.include(message, `boss is the name of ${macOf(5)}, by an administrator's word; boss-2 and boss-3 are free`)
    }
    const key = "nas"
    const renamed = served.ipam.updateReservation({
      key,
      reservation: { name: "boss" },
      updateMask: { paths: ["name"] }
    })
    assert.strictEqual((await refusal(renamed)).code, Code.AlreadyExists)
    await create([2, 5], { address: "10.0.0.7", name: "boss" })
    // A reservation from before goes on.
    await served.database.query("UPDATE systems SET name = 'nas'")
    await served.ipam.updateReservation({ key, reservation: { comment: "old" }, updateMask: { paths: ["comment"] } })
    const { change } = await served.ipam.deleteReservation({ key })
    const { code, message } = await refusal(served.ipam.undoChange({ id: change }))
    assert.strictEqual(code, Code.FailedPrecondition)
    assert.include(message, `${macOf(1)} cannot be called nas again: ${macOf(5)} is called so by now`)
  })

  it("is not made of a name that is another's by an administrator's word", async () => {
    await seen(5, `host-${macOf(6).replaceAll(":", "").slice(6)}`)
    await served.database.query("UPDATE systems SET name_source = 'administrator'")
    const { reservation } = await create([6], { address: "10.0.0.7" })
    assert.strictEqual(reservation?.name, "host-525400000006")
  })

  it("is refused with the reservation that the MAC has in the subnet", async () => {
    const { fields, message } = await refusal(create([2, 1], { address: "10.0.0.7", name: "tv" }))
    assert.deepStrictEqual(fields, ["reservation.macs"])
    assert.include(message, "10.0.0.2")
  })

  it("may be the name of the same machine in another subnet of the domain, and of no other", async () => {
    await served.ipam.createSubnet({ subnet: { cidr: "10.2.0.0/24", domain: "lab.example" } })
    await create([1], { address: "10.2.0.7", name: "nas" })
    assert.deepStrictEqual((await refusal(create([5, 1], { address: "10.2.0.8", name: "nas" }))).fields, [
      "reservation.macs"
    ])
    assert.deepStrictEqual((await refusal(create([5], { address: "10.2.0.8", name: "nas" }))).fields, [
      "reservation.name"
    ])
  })

  for (
    const [what, address, text] of [
      ["the gateway", "10.0.0.1", "gateway"],
      ["the network's address", "10.0.0.0", "network's own"],
      ["the broadcast address", "10.0.0.255", "broadcast"]
    ] as const
  ) {
    it(`is refused where it is ${what}`, async () => {
      const refused = await refusal(create([2], { address }))
      assert.deepStrictEqual([refused.code, refused.fields], [Code.InvalidArgument, ["reservation.address"]])
      assert.include(refused.message, text)
      assert.include(refused.message, "10.0.0.3 is free")
    })
  }

  it("is refused outside of every subnet, with those that there are", async () => {
    const { code, fields, message } = await refusal(create([2], { address: "10.9.0.7" }))
    assert.deepStrictEqual([code, fields], [Code.FailedPrecondition, ["reservation.address"]])
    assert.include(message, "create it first")
    assert.include(message, "10.0.0.0/24 lab")
    assert.include(
      (await refusal(create([2], { address: "10.1.0.7", subnet: "lab" }))).message,
      "outside 10.0.0.0/24 (lab)"
    )
  })

  for (
    const name of [
      "ignore",
      "infinite",
      "12h",
      "45m",
      "localhost",
      "wpad",
      "10-0-0-7",
      "a,b",
      "nas\nevil",
      "nas\u001b[31m",
      "<img>",
      "=1+1",
      "-nas",
      "n".repeat(300),
      "set:x",
      "xn--nas",
      "näs",
      "00-11-22-33-44-55",
      "nas.evil"
    ]
  ) {
    it(`is refused where the name is ${JSON.stringify(name).slice(0, 30)}`, async () => {
      const refused = await refusal(create([2], { address: "10.0.0.7", name }))
      assert.deepStrictEqual([refused.code, refused.fields], [Code.InvalidArgument, ["reservation.name"]])
      assert.notMatch(refused.message, /[\u0000-\u001f\u007f-\u009f]/u)
      assert.lengthOf(await rows(), 1)
    })
  }

  it("may be a name under which others look for a service", async () => {
    assert.strictEqual((await create([2], { address: "10.0.0.7", name: "gateway" })).reservation?.name, "gateway")
  })

  it("is refused with everything that is wrong at once", async () => {
    const { fields } = await refusal(
      create(["no mac"], { address: "no address", name: "no name", comment: "no\ncomment" })
    )
    assert.deepStrictEqual(fields, [
      "reservation.macs",
      "reservation.address",
      "reservation.name",
      "reservation.comment"
    ])
    assert.deepStrictEqual((await refusal(create([], { address: "10.0.0.7" }))).fields, ["reservation.macs"])
    assert.deepStrictEqual((await refusal(create([2, 2], { address: "10.0.0.7" }))).fields, ["reservation.macs"])
  })
})

describe("an update", () => {
  const update = (
    key: string,
    reservation: Given & { readonly macs?: Array<string>; readonly enabled?: boolean },
    ...paths: Array<string>
  ) => served.ipam.updateReservation({ key, reservation, updateMask: { paths } })

  it("changes the fields of the mask and no others, and nothing where nothing differs", async () => {
    await create([1], { address: "10.0.0.7", name: "nas", comment: "old" })
    const { reservation } = await update(
      "nas",
      { address: "10.1.0.9", name: "tv", leaseInfinite: true, comment: "ignored" },
      "address",
      "name",
      "leaseInfinite"
    )
    assert.deepInclude(reservation, {
      address: "10.1.0.9",
      name: "tv",
      leaseInfinite: true,
      comment: "old",
      subnet: "10.1.0.0/24"
    })
    const finite = await update("tv", {}, "lease_infinite")
    assert.deepStrictEqual([finite.reservation?.leaseInfinite, finite.reservation?.leaseTime], [false, undefined])
    const again = await update("tv", { comment: "old", name: "tv" }, "comment", "name")
    assert.strictEqual(again.change, 0n)
    const disabled = await update("tv", { enabled: false }, "enabled")
    assert.strictEqual(disabled.reservation?.enabled, false)
    assert.deepStrictEqual((await refusal(update("tv", {}))).fields, ["update_mask"])
    assert.deepStrictEqual((await refusal(update("tv", {}, "source"))).fields, ["update_mask"])
  })

  it("is updated when it gets another MAC", async () => {
    const { reservation: before } = await create([1], { address: "10.0.0.7", name: "nas" })
    const { reservation: after } = await update("nas", { macs: [macOf(1), macOf(2)] }, "macs")
    const micros = (time: { readonly seconds: bigint; readonly nanos: number } | undefined) =>
      Number(time?.seconds) * 1e6 + Number(time?.nanos) / 1e3
    assert.isAbove(micros(after?.updatedAt), micros(before?.updatedAt))
    assert.deepStrictEqual(after?.createdAt, before?.createdAt)
  })

  it("replaces the MACs as a set", async () => {
    await create([1, 2, 3], { address: "10.0.0.7", name: "nas" })
    const set = async (...numbers: ReadonlyArray<number>) =>
      (await update("nas", { macs: numbers.map(macOf) }, "macs")).reservation?.macs.toSorted()
    assert.deepStrictEqual(await set(1, 4), [macOf(1), macOf(4)])
    assert.deepStrictEqual(await set(4, 5), [macOf(4), macOf(5)])
    assert.deepStrictEqual(await set(6), [macOf(6)])
    assert.deepStrictEqual(await rows(), [{ mac: macOf(6), address: "10.0.0.7", name: "nas" }])
  })

  it("takes the next free address, makes a name of the policy, or leaves only the name", async () => {
    await create([1], { address: "10.0.0.7", name: "nas" })
    assert.strictEqual((await update("nas", { address: "next" }, "address")).reservation?.address, "10.0.0.2")
    assert.strictEqual(
      (await update("nas", { address: "next", subnet: "office" }, "address")).reservation?.address,
      "10.1.0.1"
    )
    assert.strictEqual((await update("nas", {}, "name")).reservation?.name, "host-000001")
    assert.deepInclude((await update(macOf(1), {}, "address")).reservation, {
      address: "",
      subnet: "10.1.0.0/24",
      name: "host-000001"
    })
  })

  it("moves what has no address to another subnet, with its MACs and into its domain", async () => {
    await create([1, 2], { subnet: "lab", name: "phone" })
    await create([3], { subnet: "lab", ignore: true })
    for (const [key, name] of [["phone", "phone"], [macOf(3), ""]] as const) {
      const { change, reservation } = await update(key, { subnet: "office" }, "address")
      assert.deepInclude(reservation, { address: "", name, subnet: "10.1.0.0/24", domain: "office.example" })
      assert.notStrictEqual(change, 0n)
    }
    assert.deepStrictEqual(
      await served.database.query("SELECT DISTINCT subnet::text FROM reservations"),
      [{ subnet: "10.1.0.0/24" }]
    )
    assert.deepStrictEqual((await refusal(update("phone", { subnet: "attic" }, "address"))).fields, [
      "reservation.subnet"
    ])
  })

  it("is refused in another subnet than the address's, the one that it has too", async () => {
    await create([1], { address: "10.0.0.7", name: "nas" })
    for (const address of ["10.0.0.7", "10.0.0.8"]) {
      const { fields, message } = await refusal(update("nas", { address, subnet: "office" }, "address"))
      assert.deepStrictEqual(fields, ["reservation.address"])
      assert.include(message, "it is outside 10.1.0.0/24 (office)")
    }
    assert.strictEqual((await update("nas", { address: "10.0.0.7", subnet: "lab" }, "address")).change, 0n)
  })

  it("makes an automatic reservation the administrator's, even where only its comment changes", async () => {
    await served.database.query(
      `INSERT INTO reservations (mac, address, name, source) VALUES ('${macOf(1)}', '10.0.0.7', 'nas', 'auto')`
    )
    const { reservation } = await update("nas", { comment: "mine" }, "comment")
    assert.strictEqual(reservation?.source, ReservationSource.ADMINISTRATOR)
    await served.database.query(
      `INSERT INTO reservations (mac, address, name, source) VALUES ('${macOf(2)}', '10.0.0.8', 'tv', 'auto')`
    )
    assert.deepInclude((await update("tv", { macs: [macOf(2), macOf(3)] }, "macs")).reservation, {
      macs: [macOf(2), macOf(3)],
      source: ReservationSource.ADMINISTRATOR
    })
  })

  it("may give an automatic reservation another MAC and leave it its name", async () => {
    await served.database.query(
      `INSERT INTO reservations (mac, address, name, source) VALUES ('${macOf(1)}', '10.0.0.7', 'nas', 'auto')`
    )
    await update("nas", { macs: [macOf(2)] }, "macs")
    assert.deepStrictEqual(await rows(), [{ mac: macOf(2), address: "10.0.0.7", name: "nas" }])
  })

  it("is refused where somebody has what is wanted", async () => {
    await create([1], { address: "10.0.0.7", name: "nas" })
    await create([2], { address: "10.0.0.8", name: "tv" })
    assert.deepStrictEqual((await refusal(update("tv", { address: "10.0.0.7" }, "address"))).fields, [
      "reservation.address"
    ])
    assert.deepStrictEqual((await refusal(update("tv", { name: "nas" }, "name"))).fields, ["reservation.name"])
    assert.deepStrictEqual((await refusal(update("tv", { macs: [macOf(2), macOf(1)] }, "macs"))).fields, [
      "reservation.macs"
    ])
  })
})

describe("a list", () => {
  const list = async (
    filter: Parameters<typeof served.ipam.listReservations>[0]["filter"],
    pageSize = 0,
    pageToken = ""
  ) => {
    const answer = await served.ipam.listReservations({
      ...(filter === undefined ? {} : { filter }),
      pageSize,
      pageToken
    })
    return { keys: answer.reservations.map(({ address, name }) => address || name), token: answer.nextPageToken }
  }

  it("comes in the order of addresses, those without last, whole whatever the size of its pages", async () => {
    for (const [index, address] of ["10.1.0.3", "10.0.0.20", "10.0.0.3"].entries())
      await create([index, index + 10], { address })
    for (const name of ["b", "a"]) await create([name === "a" ? 7 : 8], { subnet: "lab", name })
    const everything = ["10.0.0.3", "10.0.0.20", "10.1.0.3", "b", "a"]
    assert.deepStrictEqual((await list(undefined)).keys, everything)
    for (const size of [1, 2, 3]) {
      const found: Array<string> = []
      let token = ""
      do {
        const page = await list(undefined, size, token)
        found.push(...page.keys)
        token = page.token
      } while (token !== "")
      assert.deepStrictEqual(found, everything)
    }
  })

  it("has only what the filter wants", async () => {
    await create([1, 2], { address: "10.0.0.7", name: "nas" })
    await create([3], { address: "10.1.0.7", name: "lab-nas" }, { disabled: true })
    await served.database.query(
      `INSERT INTO reservations (mac, address, name, source) VALUES ('${macOf(4)}', '10.0.0.8', 'tv', 'auto')`
    )
    const expected: ReadonlyArray<readonly [Parameters<typeof list>[0], ReadonlyArray<string>]> = [
      [{ subnet: "office" }, ["10.1.0.7"]],
      [{ name: "NAS" }, ["10.0.0.7", "10.1.0.7"]],
      [{ sources: [ReservationSource.AUTO] }, ["10.0.0.8"]],
      [{ server: "lab" }, ["10.0.0.7", "10.0.0.8"]],
      [{ enabled: false }, ["10.1.0.7"]],
      [{ mac: macOf(2) }, ["10.0.0.7"]],
      [{ name: "%" }, []]
    ]
    for (const [filter, keys] of expected) assert.deepStrictEqual((await list(filter)).keys, keys)
    assert.strictEqual((await refusal(list({ subnet: "none" }))).code, Code.NotFound)
    const unknown = await refusal(
      served.ipam.listReservations({ filter: { sources: [ReservationSource.UNSPECIFIED] } })
    )
    assert.deepStrictEqual(unknown.fields, ["filter.sources"])
  })
})

describe("a removal", () => {
  it("takes every MAC of the reservation, unless it is only tried", async () => {
    await create([1, 2], { address: "10.0.0.7", name: "nas" })
    assert.strictEqual((await served.ipam.deleteReservation({ key: macOf(2), dryRun: true })).change, 0n)
    assert.lengthOf(await rows(), 2)
    assert.strictEqual((await served.ipam.deleteReservation({ key: macOf(2) })).reservation?.name, "nas")
    assert.lengthOf(await rows(), 0)
  })
})
