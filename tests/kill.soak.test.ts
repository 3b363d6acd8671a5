/** The long form of `kill.integration.test.ts`: other seeds, more kills. */
import { describeLab } from "@leasehold/devstack/lab/test"
import { it } from "vitest"
import { survive } from "./harness/disturbance.ts"

describeLab("a system whose parts are killed again and again", () => {
  for (const seed of [2, 3, 4]) {
    it(`ends as if nothing had happened (seed ${seed})`, async () => {
      await survive({ events: 60_000, systems: 3_000, rounds: 12, eventsPerSecond: 1_000, seed })
    }, 600_000)
  }
})
