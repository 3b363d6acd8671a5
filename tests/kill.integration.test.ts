/** Every part is killed while a steady stream of events passes; `kill.soak.test.ts` does it for longer. */
import { describeLab } from "@leasehold/devstack/lab/test"
import { it } from "vitest"
import { survive } from "./harness/disturbance.ts"

describeLab("a system whose parts are killed", () => {
  it("ends as if nothing had happened, with a whole file at every instant", async () => {
    await survive({ events: 20_000, systems: 1_500, rounds: 2, eventsPerSecond: 1_000, seed: 1 })
  }, 240_000)
})
