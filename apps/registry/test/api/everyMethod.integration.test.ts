/** Every method of every service, called by a client that has nothing in common with what serves them. */
import { AccessService, IpamService, PolicyService, ServerService, WatcherService } from "@leasehold/registry-api"
import { Health } from "@leasehold/registry-api/gen/grpc/health/v1/health_pb"
import { ServerReflection } from "@leasehold/registry-api/gen/grpc/reflection/v1/reflection_pb"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import type { Message } from "./grpcClient.ts"
import { type ServedRegistry, serveRegistry } from "./ServedRegistry.ts"

const services = [WatcherService, IpamService, PolicyService, ServerService, AccessService, Health, ServerReflection]

let served: ServedRegistry
const answered = new Set<string>()
beforeAll(async () => {
  served = await serveRegistry()
})
afterAll(() => served?.stop())

const call = async (method: string, request: object | ReadonlyArray<object> = {}): Promise<Message> => {
  const answer = await served.client.call(method, request, { metadata: { "leasehold-actor": "alice" } })
  answered.add(method.includes(".v1.") ? method : `leasehold.v1.${method}`)
  return answer
}
const refuse = async (method: string, request: object = {}) => {
  const { code, details } = await served.client.fail(method, request)
  return `${code} ${details}`
}
const first = async (method: string, request: object = {}): Promise<Message> => {
  const watch = served.client.watch(method, request)
  const [message = {}] = await watch.until(() => true)
  watch.cancel()
  answered.add(method.includes(".v1.") ? method : `leasehold.v1.${method}`)
  return message
}
const at = (value: unknown, ...path: ReadonlyArray<string | number>): unknown =>
  path.reduce<unknown>((inner, key) => Reflect.get(Object(inner), key), value)

const nas = "00:16:3e:00:00:07"
const tv = "00:16:3e:00:00:08"
const line = "Nov 22 03:47:52 dnsmasq-dhcp[23042]: DHCPACK(br-lan) 10.1.0.7 00:16:3e:00:00:07 NAS"

describe("WatcherService", () => {
  it("registers a system by hand, on the path of those that are discovered", async () => {
    const before = new Date().toISOString()
    const { created, system } = await call("WatcherService/RegisterSystem", {
      mac: nas.toUpperCase(),
      server: "lab",
      address: "10.1.0.7",
      clientName: "NAS"
    })
    assert.isTrue(created)
    assert.deepInclude(system, {
      mac: nas,
      name: "nas",
      nameSource: "NAME_SOURCE_CLIENT",
      state: "SYSTEM_STATE_KNOWN",
      address: "10.1.0.7",
      subnet: "10.1.0.0/24",
      server: "lab",
      clientName: "NAS",
      randomised: false,
      reservedAddresses: []
    })
    assert.isAtLeast(Number(at(system, "firstSeen", "seconds")), Math.floor(Date.parse(before) / 1000))
    assert.match(String(at(system, "vendor")), /xensource/iu)
    const facts = await served.bus.messages("DHCP")
    assert.strictEqual(facts.at(-1)?.subject, "dhcp.v1.event.lab.ack")
    const again = await call("WatcherService/RegisterSystem", { mac: nas, server: "lab" })
    assert.isFalse(again["created"])
    assert.strictEqual(at(again, "system", "address"), "10.1.0.7")
    assert.match(
      await refuse("WatcherService/RegisterSystem", { mac: nas, server: "LAB" }),
      /^INVALID_ARGUMENT server: /u
    )
    assert.match(await refuse("WatcherService/RegisterSystem", { mac: nas }), /^INVALID_ARGUMENT server: /u)
    for (const address of ["10.1.0", "0.0.0.0", "239.1.1.1", "fd00::1"]) {
      assert.match(
        await refuse("WatcherService/RegisterSystem", { mac: nas, server: "lab", address }),
        /^INVALID_ARGUMENT address: /u
      )
    }
  })

  it("finds a system by its MAC, its address and its name", async () => {
    for (const key of [nas, "00-16-3E-00-00-07", "10.1.0.7", "nas", "NAS"]) {
      assert.strictEqual(at(await call("WatcherService/GetSystem", { key }), "system", "mac"), nas, key)
    }
    for (const key of ["00:16:3e:00:00:99", "10.1.0.99", "toaster", "'; DROP TABLE systems; --"]) {
      assert.match(await refuse("WatcherService/GetSystem", { key }), /^NOT_FOUND /u)
    }
  })

  it("lists systems in pages, with every filter", async () => {
    await call("WatcherService/RegisterSystem", { mac: tv, server: "lab", address: "10.0.0.8", clientName: "tv" })
    await call("WatcherService/RegisterSystem", { mac: "02:00:00:00:00:09", server: "attic", clientName: "phone" })
    const list = async (filter: object = {}, more: object = {}) => {
      const answer = await call("WatcherService/ListSystems", { filter, ...more })
      const { systems } = answer
      return {
        macs: Array.isArray(systems) ? systems.map((system) => at(system, "mac")) : [],
        token: String(answer["nextPageToken"])
      }
    }
    const all = [nas, tv, "02:00:00:00:00:09"]
    assert.deepStrictEqual((await list()).macs, all)
    const expected: ReadonlyArray<readonly [object, ReadonlyArray<string>]> = [
      [{ subnet: "10.1.0.0/24" }, [nas]],
      [{ subnet: "10.0.0.0/24", name: "TV" }, [tv]],
      [{ states: ["SYSTEM_STATE_BLOCKED"] }, []],
      [{ states: ["SYSTEM_STATE_BLOCKED", "SYSTEM_STATE_KNOWN"] }, all],
      [{ seenSince: { seconds: "4102444800" } }, []],
      [{ seenSince: { seconds: "0" } }, all],
      [{ name: "n" }, [nas, "02:00:00:00:00:09"]],
      [{ name: "%" }, []],
      [{ vendor: "XENSOURCE" }, [nas, tv]],
      [{ server: "attic" }, ["02:00:00:00:00:09"]],
      [{ reserved: true }, [tv]],
      [{ reserved: false }, [nas, "02:00:00:00:00:09"]]
    ]
    for (const [filter, macs] of expected)
      assert.deepStrictEqual((await list(filter)).macs, [...macs], JSON.stringify(filter))
    const pages = []
    let token = ""
    do {
      const page = await list({}, { pageSize: 2, pageToken: token })
      pages.push(page.macs)
      token = page.token
    } while (token !== "")
    assert.deepStrictEqual(pages, [all.slice(0, 2), all.slice(2)])
    const { token: of } = await list({}, { pageSize: 1 })
    for (const request of [{ pageToken: "x" }, { pageToken: of, filter: { name: "n" } }, { pageSize: -1 }]) {
      assert.match(await refuse("WatcherService/ListSystems", request), /^INVALID_ARGUMENT page_/u)
    }
    assert.match(
      await refuse("WatcherService/ListSystems", { filter: { subnet: "192.0.2.0/24" } }),
      /^NOT_FOUND filter\.subnet: /u
    )
  })

  it("names a system for good, and gives the name back to the rules", async () => {
    const tried = await call("WatcherService/UpdateSystem", { mac: nas, name: "archive", dryRun: true })
    assert.deepInclude(tried["system"], { name: "archive", nameSource: "NAME_SOURCE_ADMINISTRATOR" })
    assert.strictEqual(tried["change"], "0")
    assert.strictEqual(at(await call("WatcherService/GetSystem", { key: nas }), "system", "name"), "nas")
    const named = await call("WatcherService/UpdateSystem", { mac: nas, name: "Archive" })
    assert.deepInclude(named["system"], { name: "archive", nameSource: "NAME_SOURCE_ADMINISTRATOR" })
    assert.notStrictEqual(named["change"], "0")
    const same = await call("WatcherService/UpdateSystem", { mac: nas, name: "archive" })
    assert.strictEqual(same["change"], "0")
    const again = await call("WatcherService/RegisterSystem", {
      mac: nas,
      server: "lab",
      address: "10.1.0.7",
      clientName: "other"
    })
    assert.strictEqual(at(again, "system", "name"), "archive")
    // What a client calls itself gives way, with the digits of its MAC.
    const taken = await call("WatcherService/UpdateSystem", { mac: nas, name: "tv" })
    assert.strictEqual(at(taken, "system", "name"), "tv")
    assert.strictEqual(at(await call("WatcherService/GetSystem", { key: tv }), "system", "name"), "tv-000008")
    // An automatic reservation follows its system's name, and stays automatic.
    const { reservations } = await call("IpamService/ListReservations", { filter: { mac: tv } })
    assert.deepInclude(at(reservations, 0), { name: "tv-000008", source: "RESERVATION_SOURCE_AUTO" })
    assert.strictEqual(
      await refuse("WatcherService/UpdateSystem", { mac: tv, name: "tv" }),
      `ALREADY_EXISTS name: ${nas} is called tv already`
    )
    for (const name of ["ignore", "12h", "wpad", "a b", "-x", "x".repeat(64), "10-0-0-7", "a\u001b[2J"]) {
      assert.match(await refuse("WatcherService/UpdateSystem", { mac: nas, name }), /^INVALID_ARGUMENT name: /u, name)
    }
    const back = await call("WatcherService/UpdateSystem", { mac: nas, name: "" })
    assert.deepInclude(back["system"], { name: "nas", nameSource: "NAME_SOURCE_CLIENT" })
    assert.match(
      await refuse("WatcherService/UpdateSystem", { mac: "00:16:3e:00:00:99", name: "x" }),
      /^NOT_FOUND mac: /u
    )
    // Whoever is first has the name by an administrator's word, and nobody else.
    const answers = await Promise.allSettled(
      [nas, tv, "02:00:00:00:00:09"].map((mac) => call("WatcherService/UpdateSystem", { mac, name: "wanted" }))
    )
    assert.lengthOf(answers.filter(({ status }) => status === "fulfilled"), 1)
    for (const mac of [nas, tv, "02:00:00:00:00:09"]) await call("WatcherService/UpdateSystem", { mac, name: "" })
    assert.strictEqual(at(await call("WatcherService/GetSystem", { key: nas }), "system", "name"), "nas")
    // What was done by hand can be taken back by hand.
    const undoable = await call("WatcherService/UpdateSystem", { mac: nas, name: "mistake" })
    await call("IpamService/UndoChange", { id: undoable["change"] })
    assert.deepInclude(at(await call("WatcherService/GetSystem", { key: nas }), "system"), {
      name: "nas",
      nameSource: "NAME_SOURCE_CLIENT"
    })
  })

  it("ignores, blocks and knows again, for which every server's file is made anew", async () => {
    const generation = async () =>
      at(await call("ServerService/GetServer", { server: "lab" }), "server", "wantedGeneration")
    const before = await generation()
    const ignored = await call("WatcherService/UpdateSystem", { mac: tv, state: "SYSTEM_STATE_IGNORED" })
    assert.strictEqual(at(ignored, "system", "state"), "SYSTEM_STATE_IGNORED")
    assert.strictEqual(await generation(), before)
    await call("WatcherService/UpdateSystem", { mac: tv, state: "SYSTEM_STATE_BLOCKED" })
    assert.isAbove(Number(await generation()), Number(before))
    const shown = await first("ServerService/ExportHosts", { server: "lab" })
    assert.include(String(shown["lines"]).toLowerCase(), `${tv},ignore`)
    await call("WatcherService/UpdateSystem", { mac: tv, state: "SYSTEM_STATE_KNOWN" })
    for (const state of ["SYSTEM_STATE_UNSPECIFIED", 99]) {
      assert.match(await refuse("WatcherService/UpdateSystem", { mac: tv, state }), /^INVALID_ARGUMENT state: /u)
    }
  })

  it("reserves what a system has, or something else", async () => {
    assert.match(
      await refuse("WatcherService/ApproveSystem", { mac: "02:00:00:00:00:09" }),
      /^FAILED_PRECONDITION address: it holds no address/u
    )
    const tried = await call("WatcherService/ApproveSystem", { mac: nas, dryRun: true })
    assert.deepInclude(tried, { address: "10.1.0.7", name: "nas", change: "0" })
    const approved = await call("WatcherService/ApproveSystem", { mac: nas })
    assert.deepInclude(approved, { address: "10.1.0.7", name: "nas" })
    const { reservation } = await call("IpamService/GetReservation", { key: String(approved["reservationId"]) })
    assert.deepInclude(reservation, { source: "RESERVATION_SOURCE_ADMINISTRATOR", macs: [nas], subnet: "10.1.0.0/24" })
    assert.deepStrictEqual(at(await call("WatcherService/GetSystem", { key: nas }), "system", "reservedAddresses"), [
      "10.1.0.7"
    ])
    const elsewhere = await call("WatcherService/ApproveSystem", { mac: tv, address: "next", name: "telly" })
    assert.match(String(elsewhere["address"]), /^10\.0\.0\./u)
    assert.strictEqual(elsewhere["name"], "telly")
    assert.match(await refuse("WatcherService/ApproveSystem", { mac: nas }), /^ALREADY_EXISTS /u)
  })

  it("says why it believes what it believes, by the log lines", async () => {
    await served.bus.publish("dhcp.v1.event.lab.ack", {
      mac: nas,
      ip: "10.1.0.7",
      hostname: "NAS",
      provenance: { source: "log-file", path: "/var/log/dnsmasq.log", position: 4711, line }
    })
    await served.bus.settled()
    const { evidence, reasons, system } = await call("WatcherService/ExplainSystem", { mac: nas })
    assert.strictEqual(at(system, "mac"), nas)
    assert.deepInclude(at(evidence, 0), {
      server: "lab",
      kind: "ack",
      address: "10.1.0.7",
      held: true,
      source: "/var/log/dnsmasq.log",
      position: "4711",
      line
    })
    const words = String(reasons)
    assert.match(words, /It is called nas because reservation \d+ says so\./u)
    assert.match(words, /It holds 10\.1\.0\.7 because lab said so/u)
    assert.match(words, /10\.1\.0\.7 is reserved for it \(reservation \d+, made by an administrator/u)
    const one = await call("WatcherService/ExplainSystem", { mac: nas, limit: 1 })
    assert.lengthOf(Object(one["evidence"]), 1)
    const phone = await call("WatcherService/ExplainSystem", { mac: "02:00:00:00:00:09" })
    assert.deepStrictEqual(phone["evidence"], [])
    assert.match(String(phone["reasons"]), /Nothing is reserved for it: it holds no address\./u)
  })

  it("knows who had which address when", async () => {
    const taken = await call("WatcherService/RegisterSystem", {
      mac: "00:16:3e:00:00:0a",
      server: "lab",
      address: "10.1.0.7"
    })
    const moment = at(taken, "system", "firstSeen")
    const byAddress = await call("WatcherService/ListAddressHistory", { key: "10.1.0.7" })
    assert.deepStrictEqual(Object(byAddress["holdings"]).map((one: object) => at(one, "mac")), [
      "00:16:3e:00:00:0a",
      nas
    ])
    assert.isNull(at(byAddress, "holdings", 0, "until"))
    assert.deepStrictEqual(at(byAddress, "holdings", 1, "until"), moment)
    const then = await call("WatcherService/ListAddressHistory", { key: "10.1.0.7", at: moment })
    assert.deepStrictEqual(Object(then["holdings"]).map((one: object) => at(one, "mac")), ["00:16:3e:00:00:0a"])
    const byMac = await call("WatcherService/ListAddressHistory", { key: nas })
    assert.deepInclude(at(byMac, "holdings", 0), { address: "10.1.0.7", server: "lab", name: "nas" })
    const page = await call("WatcherService/ListAddressHistory", { key: "10.1.0.7", pageSize: 1 })
    const next = await call("WatcherService/ListAddressHistory", {
      key: "10.1.0.7",
      pageSize: 1,
      pageToken: page["nextPageToken"]
    })
    assert.strictEqual(at(next, "holdings", 0, "mac"), nas)
    assert.strictEqual(next["nextPageToken"], "")
    for (const key of ["", "nas", "10.1.0.7/24"]) {
      assert.match(await refuse("WatcherService/ListAddressHistory", { key }), /^INVALID_ARGUMENT key: /u)
    }
  })

  it("watches", async () => {
    assert.strictEqual((await first("WatcherService/WatchSystems"))["change"], "SYSTEM_CHANGE_SNAPSHOT")
  })

  it("is told what the ingests are to watch, and tells what they report", async () => {
    const configuration = { server: "lab", logFiles: ["/var/log/dnsmasq.log"], zone: "Europe/Berlin" }
    const tried = await call("WatcherService/ConfigureWatcher", { configuration, dryRun: true })
    assert.strictEqual(tried["change"], "0")
    const set = await call("WatcherService/ConfigureWatcher", { configuration })
    assert.deepInclude(set["configuration"], { ...configuration, revision: "1" })
    const kept = await call("WatcherService/GetWatcherConfiguration", { server: "lab" })
    assert.deepInclude(at(kept, "configurations", 0), configuration)
    for (const path of ["relative.log", "/var/log/../../etc/shadow", "/a\nb", ""]) {
      const wrong = { configuration: { ...configuration, logFiles: [path] } }
      assert.match(
        await refuse("WatcherService/ConfigureWatcher", wrong),
        /^INVALID_ARGUMENT configuration\.log_files/u,
        path
      )
    }
    assert.deepStrictEqual(await call("WatcherService/GetWatcherStatus"), { ingests: [] })
  })
})

describe("IpamService", () => {
  it("creates, shows, changes and deletes subnets", async () => {
    const subnet = { cidr: "10.9.0.0/29", name: "attic", policy: "SUBNET_POLICY_MANUAL", servers: ["lab"] }
    const created = await call("IpamService/CreateSubnet", { subnet })
    assert.deepInclude(created["subnet"], { cidr: "10.9.0.0/29", name: "attic" })
    assert.strictEqual(at(await call("IpamService/GetSubnet", { key: "10.9.0.3" }), "subnet", "name"), "attic")
    assert.lengthOf(Object(await call("IpamService/ListSubnets")).subnets, 3)
    const changed = await call("IpamService/UpdateSubnet", {
      key: "attic",
      subnet: { domain: "attic.example.org" },
      updateMask: { paths: ["domain"] }
    })
    assert.strictEqual(at(changed, "subnet", "domain"), "attic.example.org")
    const deleted = await call("IpamService/DeleteSubnet", { key: "attic" })
    assert.notStrictEqual(deleted["change"], "0")
    assert.match(await refuse("IpamService/GetSubnet", { key: "attic" }), /^NOT_FOUND /u)
  })

  it("creates, shows, changes and deletes reservations, gives out free addresses, and takes changes back", async () => {
    const { address } = await call("IpamService/NextFreeAddress", { subnet: "10.0.0.0/24" })
    const created = await call("IpamService/CreateReservation", {
      reservation: { macs: ["00:16:3e:00:01:01"], address, name: "scanner" }
    })
    const id = at(created, "reservation", "id")
    assert.deepInclude(created["reservation"], { address, name: "scanner", enabled: true })
    assert.strictEqual(at(await call("IpamService/GetReservation", { key: "scanner" }), "reservation", "id"), id)
    assert.isNotEmpty((await call("IpamService/ListReservations"))["reservations"])
    const changed = await call("IpamService/UpdateReservation", {
      key: String(id),
      reservation: { comment: "on the desk" },
      updateMask: { paths: ["comment"] }
    })
    assert.strictEqual(at(changed, "reservation", "comment"), "on the desk")
    const deleted = await call("IpamService/DeleteReservation", { key: String(id) })
    const { changes } = await call("IpamService/ListChanges", { actor: "local:alice" })
    assert.deepInclude(at(changes, 0), { id: deleted["change"], actor: "local:alice" })
    const undone = await call("IpamService/UndoChange", { id: deleted["change"] })
    assert.strictEqual(at(undone, "change", "undoes"), deleted["change"])
    assert.strictEqual(
      at(await call("IpamService/GetReservation", { key: "scanner" }), "reservation", "comment"),
      "on the desk"
    )
  })

  it("imports what is streamed, all or nothing", async () => {
    const items = Array.from({ length: 50 }, (_, index) => ({
      macs: [`00:16:3e:00:02:${index.toString(16).padStart(2, "0")}`],
      address: `10.0.0.${100 + index}`,
      name: `imported${index}`
    }))
    const imported = await call("IpamService/ImportReservations", [
      { reservations: items.slice(0, 25) },
      { reservations: items.slice(25) }
    ])
    assert.deepInclude(imported, { created: "50", problemCount: "0" })
    const bad = await call("IpamService/ImportReservations", [{
      reservations: [{ macs: ["x"], address: "10.0.0.200" }]
    }])
    assert.deepInclude(bad, { created: "0", problemCount: "1" })
  })

  it("reviews the registry", async () => {
    assert.isArray((await call("IpamService/CheckRegistry"))["findings"])
  })
})

describe("PolicyService", () => {
  it("sets, shows, tries and takes back naming policies", async () => {
    const mask = { updateMask: { paths: ["pattern"] } }
    const policy = { subnet: "10.1.0.0/24", pattern: "dev-{mac:6}" }
    const tested = await call("PolicyService/TestPolicy", { policy, ...mask })
    assert.isDefined(tested["systems"])
    const updated = await call("PolicyService/UpdatePolicy", { policy, ...mask })
    assert.strictEqual(at(updated, "policy", "pattern"), "dev-{mac:6}")
    assert.lengthOf(Object(await call("PolicyService/ListPolicies")).policies, 2)
    assert.deepInclude((await call("PolicyService/GetPolicy", { subnet: "10.1.0.0/24" }))["policy"], policy)
    await call("PolicyService/DeletePolicy", { subnet: "10.1.0.0/24" })
  })
})

describe("the other services", () => {
  it("show the servers", async () => {
    assert.deepInclude(at(await call("ServerService/ListServers"), "servers", 0), { server: "lab" })
  })

  it("make, list and revoke tokens, and say who calls", async () => {
    await call("AccessService/CreateToken", { name: "script", scope: "SCOPE_READ" })
    assert.lengthOf(Object(await call("AccessService/ListTokens")).tokens, 1)
    await call("AccessService/RevokeToken", { key: "script" })
    assert.deepStrictEqual(await call("AccessService/WhoAmI"), { actor: "local:alice", scope: "SCOPE_ADMINISTER" })
    const { changes } = await call("IpamService/ListChanges", { actor: "local:alice", pageSize: 2 })
    assert.deepStrictEqual(Object(changes).map((change: object) => at(change, "action")), [
      "token revoke",
      "token create"
    ])
  })

  it("tell health and what is served", async () => {
    await call("grpc.health.v1.Health/Check")
    await first("grpc.health.v1.Health/Watch")
    await first("grpc.reflection.v1.ServerReflection/ServerReflectionInfo", { listServices: "" })
  })
})

it("no method is left out", () => {
  const all = services.flatMap(({ methods, typeName }) => methods.map(({ name }) => `${typeName}/${name}`))
  assert.deepStrictEqual(all.filter((method) => !answered.has(method)), [])
})
