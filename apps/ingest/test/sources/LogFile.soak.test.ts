import { it } from "@effect/vitest"
import { Effect } from "effect"
import { runModel } from "../harness/logFileModel.ts"

it.live("reads every line once and in order through thousands of random stories", () =>
  Effect.gen(function*() {
    const first = Math.floor(Math.random() * 1_000_000_000)
    for (let seed = first; seed < first + 1_500; seed++) {
      yield* runModel(seed, "gentle")
      yield* runModel(seed, "rough")
    }
  }), 1_800_000)
