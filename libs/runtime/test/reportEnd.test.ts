import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Exit, Logger } from "effect"
import { explain, reportEnd } from "../src/index.ts"

/** What a daemon says that ends so. */
const lastWords = <A, E>(daemon: Effect.Effect<A, E>, env: Record<string, string> = {}) =>
  Effect.gen(function*() {
    const said: Array<unknown> = []
    const exit = yield* daemon.pipe(
      reportEnd("registry"),
      Effect.provide([
        Logger.layer([Logger.make(({ message }) => void said.push(message))]),
        ConfigProvider.layer(ConfigProvider.fromEnv({ env }))
      ]),
      Effect.exit
    )
    return { failed: Exit.isFailure(exit), said }
  })

describe("reportEnd", () => {
  it.effect("names LOG_LEVEL when it is none, which the logger cannot", () =>
    Effect.gen(function*() {
      const { failed, said } = yield* lastWords(Effect.never, { LOG_LEVEL: "loud" })
      assert.isTrue(failed)
      assert.match(JSON.stringify(said), /^\[\["registry ends",\{"error":"LOG_LEVEL is not /u)
    }))

  it.effect("says what an error hides in its cause", () =>
    Effect.gen(function*() {
      const hidden = Object.assign(new Error(""), { cause: new Error("listen EADDRINUSE 127.0.0.1:80") })
      const { said } = yield* lastWords(Effect.fail(hidden))
      assert.deepStrictEqual(said, [["registry ends", { error: "listen EADDRINUSE 127.0.0.1:80" }]])
    }))

  it.effect("says nothing of an interruption", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* lastWords(Effect.interrupt), { failed: true, said: [] })
    }))
})

describe("explain", () => {
  it("tells all of what went wrong together", () => {
    const both = new AggregateError([
      new Error("connect ECONNREFUSED ::1:80"),
      new Error("connect ECONNREFUSED 127.0.0.1:80")
    ])
    assert.strictEqual(explain(both), "connect ECONNREFUSED ::1:80; connect ECONNREFUSED 127.0.0.1:80")
  })
})
