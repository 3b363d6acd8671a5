import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { spawnSync } from "node:child_process"
import { runProgram, runShell } from "../src/Command.ts"

const minute = Duration.minutes(1)

describe("a command that cannot be run", () => {
  it.live("fails when the system takes it not", () =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(runShell(`true ${"x".repeat(500_000)}`, minute))
      assert.strictEqual(message, "the activation command cannot be run (spawn E2BIG)")
    }))

  it("fails when no more files can be opened", () => {
    const program = new URL("programs/withoutFiles.ts", import.meta.url).pathname
    const { stderr, stdout } = spawnSync("sh", ["-c", "ulimit -n 100; exec \"$@\"", "sh", process.execPath, program], {
      encoding: "utf8"
    })
    assert.strictEqual(stdout, "the activation command cannot be run (spawn sh EMFILE)", stderr)
  })

  it.live("fails with what it said, and reads what it is given", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* runProgram("cat", [], minute, "given"), "given")
      const { message } = yield* Effect.flip(runShell("echo no; exit 3", minute))
      assert.strictEqual(message, "the activation command ended with status 3: no")
    }))
})
