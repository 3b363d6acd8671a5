import { it } from "vitest"
import { assertSameBut, nameSwarm } from "./swarm.ts"

const count = 10_000

it(
  "two registries name 10,000 systems that want five names the same in every order, but for who holds those",
  async ({ annotate }) => {
    const outcomes = []
    for (const seed of [1, 2, 3]) {
      const outcome = await nameSwarm(count, seed)
      outcomes.push(outcome)
      await annotate(`${count} systems named in ${outcome.seconds.toFixed(1)} s (order ${seed})`)
    }
    const [first, second, third] = outcomes
    if (first === undefined || second === undefined || third === undefined) throw new Error("three orders")
    assertSameBut(first, second)
    assertSameBut(second, third)
  },
  600_000
)
