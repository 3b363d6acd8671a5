import { it } from "vitest"
import { assertSameBut, nameSwarm } from "./swarm.ts"

it(
  "two registries name 1,500 systems that want five names the same in every order, but for who holds those",
  async () => {
    assertSameBut(await nameSwarm(1_500, 1), await nameSwarm(1_500, 2))
  },
  120_000
)
