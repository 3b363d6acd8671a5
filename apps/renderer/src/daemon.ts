/** The renderer with its metrics and its log, as one layer that runs for ever. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { loggingLayer, opsLayer, reportEnd } from "@leasehold/runtime"
import { Config, Effect, Layer } from "effect"
import { Renderer, rendererLayer } from "./index.ts"
import { named, RendererConfig } from "./RendererConfig.ts"

const Ops = Layer.unwrap(Effect.map(Renderer, ({ health }) => opsLayer("RENDERER", health)))

// Not in the background: should it end, so does the process.
export const daemon = Effect.gen(function*() {
  const { mode, server } = yield* RendererConfig
  const { run } = yield* Renderer
  yield* Effect.logInfo("renderer started", { server, mode: mode._tag })
  return yield* run
}).pipe(
  Effect.provide(Ops.pipe(Layer.provideMerge(rendererLayer), Layer.provide(NodeServices.layer))),
  Effect.mapError((error) => error instanceof Config.ConfigError ? named(error) : error),
  reportEnd("renderer"),
  Effect.provide(loggingLayer())
)
