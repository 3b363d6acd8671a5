import { assert, it } from "vitest"
import type { KnownSystem } from "../../src/systems/KnownSystem.ts"
import { type Background, reasonsOf } from "../../src/systems/reasons.ts"

const system: KnownSystem = {
  mac: "00:16:3e:00:00:01",
  name: "host-000001",
  nameSource: "generated",
  state: "known",
  firstSeen: "2026-01-01T00:00:00.000000Z",
  lastSeen: "2026-01-01T00:00:00.000000Z",
  address: null,
  subnet: null,
  server: "lab",
  interface: null,
  clientName: null,
  vendorClass: null,
  userClass: null,
  vendor: null,
  reserved: []
}

const background: Background = {
  firstName: null,
  firstNameAt: null,
  addressAt: null,
  addressServer: null,
  subnetPolicy: null,
  reserveRandomised: null,
  namedBy: null,
  stateBy: null,
  reservations: []
}

it("says that a name which a system gives itself is not usable, and not that it gives itself none", () => {
  const why = (clientName: string | null) => reasonsOf({ ...system, clientName }, background)[0]
  assert.strictEqual(
    why("infinite"),
    "It is called host-000001 because it calls itself \"infinite\", which is no usable name: the name is made by the naming policy."
  )
  assert.strictEqual(
    why(null),
    "It is called host-000001 because it calls itself nothing: the name is made by the naming policy."
  )
})
