import { it } from "@effect/vitest"
import { Effect } from "effect"
import { runModel } from "../harness/logFileModel.ts"

it.live("reads every line once and in order through any rotation, pause and restart", () =>
  Effect.gen(function*() {
    for (let seed = 1; seed <= 40; seed++) yield* runModel(seed, "gentle")
    // It needed a file that was empty when it was last seen, then written, copied, truncated and renamed at once.
    yield* runModel(979_213_595, "gentle")
  }))

it.live(
  "loses and exchanges no line, and gives none another id, when it is killed while a log is rotated",
  () =>
    Effect.gen(function*() {
      for (let seed = 1; seed <= 40; seed++) yield* runModel(seed, "rough")
      // It needed a log that was opened, copied, truncated and written before its first line was read.
      for (let times = 0; times < 5; times++) yield* runModel(88_307, "rough")
    })
)
