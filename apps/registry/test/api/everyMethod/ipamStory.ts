/** Subnets and reservations are made, changed, imported and taken back. */
import { assert, describe, it } from "vitest"
import { at, call, refuse } from "./Story.ts"

export const ipamStory = () => {
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
}
