import { it } from "vitest"
import { killStory } from "./harness/killStory.ts"

it("loses, doubles and exchanges nothing through hundreds of kills", async () => {
  const first = Math.floor(Math.random() * 1_000_000_000)
  for (let seed = first; seed < first + 10; seed++) await killStory(seed, 1_500)
}, 1_800_000)
