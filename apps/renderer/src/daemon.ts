/** The renderer with its metrics and its log, as one layer that runs for ever. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { loggingLayer, opsLayer, reportEnd } from "@leasehold/runtime"
import { Config, Effect, Layer } from "effect"
import { Renderer, rendererLayer } from "./index.ts"
import { named, RendererConfig } from "./RendererConfig.ts"

const Loop = Layer.effectDiscard(Effect.gen(function*() {
  const { mode, server } = yield* RendererConfig
  yield* Effect.logInfo("renderer started", { server, mode: mode._tag })
  yield* Effect.forkScoped((yield* Renderer).run)
}))
const Ops = Layer.unwrap(Effect.map(Renderer, ({ health }) => opsLayer("RENDERER", health)))

export const daemon = Layer.mergeAll(Loop, Ops).pipe(
  Layer.provide(rendererLayer),
  Layer.provide(NodeServices.layer),
  Layer.launch,
  Effect.mapError((error) => error instanceof Config.ConfigError ? named(error) : error),
  reportEnd("renderer"),
  Effect.provide(loggingLayer())
)
