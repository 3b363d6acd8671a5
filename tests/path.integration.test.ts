/** What a real dnsmasq logs becomes the static leases that it serves, in both rendering modes. */
import { type Lab, startLab } from "@leasehold/devstack/lab"
import { describeLab } from "@leasehold/devstack/lab/test"
import { eventually } from "@leasehold/devstack/test"
import { afterAll, assert, beforeAll, it } from "vitest"
import { type LabSystem, lineOf, type Mode, startLabSystem } from "./harness/labSystem.ts"

const nas = "00:16:3e:00:00:01"
const rival = "00:16:3e:00:00:02"

for (const mode of ["conf", "hosts"] as const satisfies ReadonlyArray<Mode>) {
  describeLab(`the whole path, ${mode} mode`, () => {
    let lab: Lab
    let system: LabSystem
    beforeAll(async () => {
      lab = await startLab({ hosts: mode === "hosts" })
      await lab.startDnsmasq()
      system = await startLabSystem(lab, mode)
    })
    afterAll(async () => {
      await system?.stop()
      await lab?.stop()
    })

    it("gives a client its first address back after its lease was forgotten, and never to another", async () => {
      const client = await lab.client("nas", { mac: nas, hostname: "nas" })
      const first = await client.obtain()
      assert.match(first.ip, /^10\.99\.0\.1\d\d$/u)

      const [known] = await eventually("the system is in PostgreSQL", async () => {
        const rows = await system.query<{ readonly name: string; readonly address: string }>(
          "SELECT name, host(address) AS address FROM systems WHERE mac = $1 AND address IS NOT NULL",
          [nas]
        )
        return rows.length === 1 ? rows : undefined
      })
      assert.deepStrictEqual(known, { name: "nas", address: first.ip })

      await eventually("the file has its line", async () => lineOf(await system.file(), nas))
      assert.strictEqual(
        lineOf(await system.file(), nas),
        `${mode === "conf" ? nas.toUpperCase() : lineOf(await system.file(), nas)?.slice(0, 17)},${first.ip},nas`
      )
      await system.applied()

      await client.vanish()
      await lab.forgetLeases()
      const other = await (await lab.client("rival", { mac: rival, hostname: "rival" })).obtain()
      assert.notStrictEqual(other.ip, first.ip)
      assert.strictEqual((await client.obtain()).ip, first.ip)
    })

    it("moves a client whose reservation was changed in PostgreSQL, on its next exchange", async () => {
      await system.applied()
      const client = await lab.client("mover", { mac: "00:16:3e:00:00:03", hostname: "mover" })
      const before = await client.obtain()
      await eventually("it has a reservation", async () => {
        const rows = await system.query("SELECT 1 FROM reservations WHERE mac = '00:16:3e:00:00:03'")
        return rows[0]
      })
      await system.applied()
      await system.query("UPDATE reservations SET address = '10.99.0.77' WHERE mac = '00:16:3e:00:00:03'")
      await eventually(
        "the file has the new address",
        async () => lineOf(await system.file(), "00:16:3e:00:00:03")?.includes(",10.99.0.77,") || undefined
      )
      await system.applied()
      const after = await client.renew().catch(() => client.obtain())
      assert.notStrictEqual(before.ip, "10.99.0.77")
      assert.strictEqual(after.ip, "10.99.0.77")
      const [reservation] = await system.query<{ readonly address: string }>(
        "SELECT host(address) AS address FROM reservations WHERE mac = '00:16:3e:00:00:03'"
      )
      assert.strictEqual(reservation?.address, "10.99.0.77")
    })
  })
}
