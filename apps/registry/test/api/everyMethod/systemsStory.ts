/** Systems are registered, found, listed, named, blocked and approved. */
import { assert, describe, it } from "vitest"
import { at, call, first, nas, refuse, served, tv } from "./Story.ts"

export const systemsStory = () => {
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
      const facts = await served().bus.messages("DHCP")
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
      const would = await call("WatcherService/UpdateSystem", { mac: nas, name: "", dryRun: true })
      assert.deepInclude(would["system"], { name: "nas", nameSource: "NAME_SOURCE_CLIENT" })
      assert.strictEqual(at(await call("WatcherService/GetSystem", { key: nas }), "system", "name"), "tv")
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
      const { changes } = await call("IpamService/ListChanges", { key: nas, pageSize: 1 })
      assert.deepInclude(at(changes, 0), { id: approved["change"], action: "system approve" })
      const { reservation } = await call("IpamService/GetReservation", { key: String(approved["reservationId"]) })
      assert.deepInclude(reservation, {
        source: "RESERVATION_SOURCE_ADMINISTRATOR",
        macs: [nas],
        subnet: "10.1.0.0/24"
      })
      assert.deepStrictEqual(at(await call("WatcherService/GetSystem", { key: nas }), "system", "reservedAddresses"), [
        "10.1.0.7"
      ])
      assert.match(
        await refuse("WatcherService/ApproveSystem", { mac: tv, address: "next" }),
        /^FAILED_PRECONDITION reservation.address: /u
      )
      await call("IpamService/UpdateSubnet", {
        key: "10.0.0.0/24",
        subnet: { gateway: "10.0.0.254" },
        updateMask: { paths: ["gateway"] }
      })
      const elsewhere = await call("WatcherService/ApproveSystem", { mac: tv, address: "next", name: "telly" })
      assert.match(String(elsewhere["address"]), /^10\.0\.0\./u)
      assert.strictEqual(elsewhere["name"], "telly")
      assert.match(await refuse("WatcherService/ApproveSystem", { mac: nas }), /^ALREADY_EXISTS /u)
    })
  })
}
