/** Next free addresses: the right one, each to one caller, however many ask at once and of however many replicas. */
import { Code, ConnectError } from "@connectrpc/connect"
import pg from "pg"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { macOf, refusal, type ServedIpam, servedIpam } from "./ServedIpam.ts"

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
beforeEach(() =>
  sql(
    "TRUNCATE reservations, subnet_servers, subnet_exclusions, subnets, systems, address_history, address_holds, change_log, outbox CASCADE"
  )
)
const sql = <Row extends object>(text: string) => one.database.query<Row>(text)
const next = async (of: ServedIpam, subnet: string) => (await of.ipam.nextFreeAddress({ subnet })).address
const lease = (number: number, address: string) =>
  sql(
    `INSERT INTO systems (mac, name, name_source, first_seen, last_seen, server, server_stamp, address, address_server, address_stamp)
    VALUES ('${macOf(number)}', 'n${number}x', 'client', now(), now(), 'lab', '', '${address}', 'lab', '')`
  )

describe("the next free address", () => {
  it("is the lowest that nobody has: neither the gateway, reserved, leased, excluded, nor told within the last minute", async () => {
    await one.ipam.createSubnet({
      subnet: {
        cidr: "10.0.0.0/28",
        name: "small",
        gateway: "10.0.0.1",
        dnsServers: ["10.0.0.2"],
        excluded: [{ first: "10.0.0.3", last: "10.0.0.4" }]
      }
    })
    await one.ipam.createReservation({ reservation: { macs: [macOf(1), macOf(2)], address: "10.0.0.5" } })
    await lease(3, "10.0.0.6")
    await sql(`INSERT INTO address_history VALUES ('elsewhere', '10.0.0.7', '${macOf(4)}', tstzrange(now(), NULL))`)
    assert.deepStrictEqual([await next(one, "small"), await next(one, "10.0.0.0/28"), await next(other, "small")], [
      "10.0.0.8",
      "10.0.0.9",
      "10.0.0.10"
    ])
    const { heldUntil } = await one.ipam.nextFreeAddress({ subnet: "small" })
    const seconds = Number(heldUntil?.seconds) - Date.now() / 1000
    assert.isAbove(seconds, 50)
    assert.isBelow(seconds, 61)
    await sql("UPDATE address_holds SET until = now() WHERE address = '10.0.0.9'")
    assert.strictEqual(await next(one, "small"), "10.0.0.9")
  })

  it("lies outside of the dynamic range, and in it where there is no other", async () => {
    await one.ipam.createSubnet({
      subnet: { cidr: "10.0.0.0/29", name: "tiny", range: { first: "10.0.0.1", last: "10.0.0.4" } }
    })
    const found: Array<string> = []
    for (let number = 0; number < 6; number++) found.push(await next(one, "tiny"))
    assert.deepStrictEqual(found, ["10.0.0.5", "10.0.0.6", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"])
    const full = await refusal(one.ipam.nextFreeAddress({ subnet: "tiny" }))
    assert.deepStrictEqual([full.code, full.fields], [Code.ResourceExhausted, ["subnet"]])
    assert.include(full.message, "10.0.0.0/29 (tiny) is full")
    assert.strictEqual((await refusal(one.ipam.nextFreeAddress({ subnet: "none" }))).code, Code.NotFound)
  })

  it("is nobody's where nothing says which are taken, the DHCP server's own among them", async () => {
    await one.ipam.createSubnet({ subnet: { cidr: "10.0.0.0/24", name: "lab" } })
    const told = await refusal(one.ipam.nextFreeAddress({ subnet: "lab" }))
    assert.deepStrictEqual([told.code, told.fields], [Code.FailedPrecondition, ["subnet"]])
    assert.include(told.message, "set its range, its gateway or its exclusions first")
    const reserved = await refusal(
      one.ipam.createReservation({ reservation: { macs: [macOf(1)], address: "next", subnet: "lab" } })
    )
    assert.deepStrictEqual([reserved.code, reserved.fields], [Code.FailedPrecondition, ["reservation.address"]])
    await one.ipam.createReservation({ reservation: { macs: [macOf(1)], address: "10.0.0.7" } })
    const taken = await refusal(one.ipam.createReservation({ reservation: { macs: [macOf(2)], address: "10.0.0.7" } }))
    assert.notInclude(taken.message, "is free")
  })

  it("is reserved by who names it, as whom it was told does, and by `next` for nobody, not for the same token either", async () => {
    await one.ipam.createSubnet({ subnet: { cidr: "10.0.0.0/24", name: "lab", gateway: "10.0.0.254" } })
    assert.deepStrictEqual([await next(other, "lab"), await next(one, "lab"), await next(one, "lab")], [
      "10.0.0.1",
      "10.0.0.2",
      "10.0.0.3"
    ])
    const take = async (of: ServedIpam, mac: number, address: string) =>
      (await of.ipam.createReservation({ reservation: { macs: [macOf(mac)], address, subnet: "lab" } })).reservation
        ?.address
    assert.strictEqual(await take(one, 1, "next"), "10.0.0.4")
    assert.strictEqual(await take(other, 2, "next"), "10.0.0.5")
    assert.strictEqual(await take(one, 3, "10.0.0.2"), "10.0.0.2")
    assert.strictEqual(await take(one, 4, "10.0.0.3"), "10.0.0.3")
    assert.strictEqual(await take(one, 5, "10.0.0.1"), "10.0.0.1")
    assert.lengthOf(await sql("SELECT FROM address_holds"), 0)
  })

  it("waits for nobody who works in another subnet, or reserves", async () => {
    await one.ipam.createSubnet({ subnet: { cidr: "10.0.0.0/24", name: "lab", gateway: "10.0.0.254" } })
    await one.ipam.createSubnet({ subnet: { cidr: "10.1.0.0/24", name: "office" } })
    const other = new pg.Client({ connectionString: one.database.url })
    await other.connect()
    await other.query("BEGIN")
    await other.query("SELECT take_writer_lock()")
    await other.query("SELECT FROM subnets WHERE name = 'office' FOR UPDATE")
    assert.strictEqual(await next(one, "lab"), "10.0.0.1")
    await other.query("COMMIT")
    await other.end()
  })
})

describe("fifty callers at once", () => {
  const callers = Array.from({ length: 50 }, (_, index) => index)
  const served = (index: number) => index % 2 === 0 ? one : other

  it("are told fifty addresses", async () => {
    await one.ipam.createSubnet({ subnet: { cidr: "10.0.0.0/16", name: "large", gateway: "10.0.255.254" } })
    const told = await Promise.all(callers.map((index) => next(served(index), "large")))
    assert.lengthOf(new Set(told), 50)
  })

  it(
    "who ask and then reserve, until the subnet is full: no address twice, and no failure but that it is full",
    async () => {
      await one.ipam.createSubnet({
        subnet: {
          cidr: "10.0.0.0/24",
          name: "lab",
          servers: ["lab"],
          excluded: [{ first: "10.0.0.201", last: "10.0.0.254" }]
        }
      })
      const outcomes = await Promise.all(callers.map(async (caller) => {
        const found: Array<string> = []
        for (let turn = 0; turn < 5; turn++) {
          try {
            const address = await next(served(caller), "lab")
            await served(caller).ipam.createReservation({ reservation: { macs: [macOf(caller * 10 + turn)], address } })
            found.push(address)
          } catch (error) {
            if (ConnectError.from(error).code !== Code.ResourceExhausted) throw error
            found.push("full")
          }
        }
        return found
      }))
      const addresses = outcomes.flat().filter((address) => address !== "full")
      assert.lengthOf(addresses, 200)
      assert.lengthOf(new Set(addresses), 200)
      assert.lengthOf(await sql("SELECT DISTINCT address FROM reservations"), 200)
    },
    60_000
  )

  it("who reserve the next one at once get fifty, and are refused only when it is full", async () => {
    await one.ipam.createSubnet({
      subnet: { cidr: "10.0.0.0/26", name: "lab", excluded: [{ first: "10.0.0.41", last: "10.0.0.62" }] }
    })
    const outcomes = await Promise.all(
      callers.map((caller) =>
        served(caller).ipam.createReservation({
          reservation: { macs: [macOf(caller)], address: "next", subnet: "lab" }
        }).then(
          ({ reservation }) => reservation?.address ?? "none",
          (error: unknown) => Code[ConnectError.from(error).code]
        )
      )
    )
    const addresses = outcomes.filter((outcome) => outcome.startsWith("10."))
    assert.lengthOf(new Set(addresses), 40)
    assert.deepStrictEqual(
      outcomes.filter((outcome) => !outcome.startsWith("10.")),
      Array.from({ length: 10 }, () => "ResourceExhausted")
    )
  })
})
