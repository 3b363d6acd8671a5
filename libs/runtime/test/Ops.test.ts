import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { createServer, type Server } from "node:net"
import { opsLayer } from "../src/index.ts"

describe("the port of metrics and health", () => {
  it.live("is named when it is in use", () =>
    Effect.gen(function*() {
      const server = yield* Effect.acquireRelease(
        Effect.promise(() =>
          new Promise<Server>((resolve) => {
            const server = createServer().listen(0, "127.0.0.1", () => resolve(server))
          })
        ),
        (server) => Effect.sync(() => server.close())
      )
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const error = yield* opsLayer("INGEST", Effect.void).pipe(
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { INGEST_OPS_PORT: String(port) } }))),
        Layer.build,
        Effect.flip
      )
      assert.strictEqual(
        error.message,
        `INGEST_OPS_PORT: listen EADDRINUSE: address already in use 127.0.0.1:${port}`
      )
    }))
})
