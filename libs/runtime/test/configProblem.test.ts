import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect } from "effect"
import { configProblem } from "../src/index.ts"

const problemOf = (config: Config.Config<unknown>, env: Record<string, string>) =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(config)
    return configProblem(error)
  }).pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))))

describe("configProblem", () => {
  it.effect("names a variable that is missing as the operator would write it", () =>
    Effect.gen(function*() {
      const server = Config.String("SERVER").pipe(Config.nested("INGEST"))
      assert.deepStrictEqual(yield* problemOf(server, {}), { variable: "INGEST_SERVER", problem: "is missing" })
      assert.deepStrictEqual(yield* problemOf(Config.Redacted("DATABASE_URL"), {}), {
        variable: "DATABASE_URL",
        problem: "is missing"
      })
    }))

  it.effect("says what a malformed one is not", () =>
    Effect.gen(function*() {
      const port = Config.Port("OPS_PORT").pipe(Config.nested("INGEST"))
      const { problem, variable } = yield* problemOf(port, { INGEST_OPS_PORT: "http" })
      assert.strictEqual(variable, "INGEST_OPS_PORT")
      assert.match(problem, /^is not /u)
    }))

  it.effect("shows how a duration is written", () =>
    Effect.gen(function*() {
      const interval = Config.Duration("POLL_INTERVAL").pipe(Config.nested("INGEST"))
      assert.deepStrictEqual(yield* problemOf(interval, { INGEST_POLL_INTERVAL: "5" }), {
        variable: "INGEST_POLL_INTERVAL",
        problem: "is not a duration such as 250 millis or 5 seconds"
      })
    }))
})
