/** What an administrator decides with `ipmanager` is what real DHCP clients get, through the whole path. */
import { type Lab, startLab } from "@leasehold/devstack/lab"
import { describeLab } from "@leasehold/devstack/lab/test"
import { eventually } from "@leasehold/devstack/test"
import { afterAll, assert, beforeAll, it } from "vitest"
import { ipmanagerOf } from "./harness/ipmanager.ts"
import { type LabSystem, lineOf, type Mode, startLabSystem } from "./harness/labSystem.ts"

const mac = "00:16:3e:0a:00:01"
const dock = "00:16:3e:0a:00:02"
const stranger = "00:16:3e:0a:00:03"

for (const mode of ["conf", "hosts"] as const satisfies ReadonlyArray<Mode>) {
  describeLab(`administering, ${mode} mode`, () => {
    let lab: Lab
    let system: LabSystem
    let ipmanager: Awaited<ReturnType<typeof ipmanagerOf>>
    beforeAll(async () => {
      lab = await startLab({ hosts: mode === "hosts" })
      await lab.startDnsmasq()
      system = await startLabSystem(lab, mode)
      ipmanager = await ipmanagerOf(system)
    })
    afterAll(async () => {
      await system?.stop()
      await lab?.stop()
    })

    it("gives a client the address and the name that were added for it, and another when it is moved", async () => {
      await ipmanager("host", "add", mac, dock, "--address", "10.99.0.50", "--name", "printer")
      await eventually("the file has it", async () => lineOf(await system.file(), mac))
      await system.applied()
      const client = await lab.client("printer", { mac, hostname: "what-it-calls-itself" })
      const lease = await client.obtain()
      assert.deepStrictEqual([lease.ip, lease.hostname], ["10.99.0.50", "printer"])
      await client.release()

      const docked = await (await lab.client("docked", { mac: dock })).obtain()
      assert.deepStrictEqual([docked.ip, docked.hostname], ["10.99.0.50", "printer"])

      await ipmanager("host", "move", "printer", "10.99.0.51")
      await eventually(
        "the file has the other address",
        async () => lineOf(await system.file(), mac)?.includes(",10.99.0.51,") || undefined
      )
      await system.applied()
      assert.strictEqual((await client.obtain()).ip, "10.99.0.51")
      await eventually("the registry knows of the new address", async () => {
        const shown: unknown = JSON.parse(await ipmanager("--json", "system", "show", mac))
        assert.deepInclude(shown, { mac, name: "printer", address: "10.99.0.51" })
        return true
      })
    })

    // The client tries for some seconds before it gives up: once is enough.
    if (mode === "conf") return
    it("leaves a blocked system without an answer, until that is undone", async () => {
      const client = await lab.client("stranger", { mac: stranger, hostname: "stranger" })
      await client.obtain()
      await eventually("the system is known", async () => {
        const rows = await system.query("SELECT 1 FROM systems WHERE mac = $1", [stranger])
        return rows[0]
      })
      await ipmanager("system", "block", stranger)
      await eventually(
        "the file says so",
        async () => lineOf(await system.file(), stranger)?.toLowerCase() === `${stranger},ignore` || undefined
      )
      await system.applied()
      assert.match(await client.obtain().then(() => "an address", String), /no bound|ended without an address/u)

      const [{ id }] = JSON.parse(await ipmanager("--json", "log", "--limit", "1"))
      await ipmanager("undo", String(id))
      await eventually(
        "the file says so no more",
        async () => lineOf(await system.file(), stranger)?.toLowerCase() === `${stranger},ignore` ? undefined : true
      )
      await system.applied()
      assert.match((await client.obtain()).ip, /^10\.99\.0\./u)
    })
  })
}
