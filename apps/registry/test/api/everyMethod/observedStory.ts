/** What was observed of systems is explained, looked up and watched. */
import { assert, describe, it } from "vitest"
import { at, call, first, nas, refuse, served } from "./Story.ts"

const line = "Nov 22 03:47:52 dnsmasq-dhcp[23042]: DHCPACK(br-lan) 10.1.0.7 00:16:3e:00:00:07 NAS"

export const observedStory = () => {
  describe("WatcherService, of what was observed", () => {
    it("says why it believes what it believes, by the log lines", async () => {
      await served().bus.publish("dhcp.v1.event.lab.ack", {
        mac: nas,
        ip: "10.1.0.7",
        hostname: "NAS",
        provenance: { source: "log-file", path: "/var/log/dnsmasq.log", position: 4711, line }
      })
      await served().bus.settled()
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
      assert.deepStrictEqual(await call("WatcherService/GetWatcherStatus"), { ingests: [], nextPageToken: "" })
    })
  })
}
