import { it } from "@effect/vitest"
import { Effect } from "effect"
import { runModel } from "../harness/logFileModel.ts"

it.live("reads every line once and in order through any rotation, pause and restart", () =>
  Effect.gen(function*() {
    for (let seed = 1; seed <= 40; seed++) yield* runModel(seed)
  }), 60_000)
