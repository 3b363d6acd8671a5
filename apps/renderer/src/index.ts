/** The renderer as one layer: for its main program, and for measuring and trying its parts. */
import { Postgres } from "@leasehold/runtime"
import { Layer } from "effect"
import { Activation } from "./Activation.ts"
import { Attempt } from "./Attempt.ts"
import { Gate } from "./Gate.ts"
import { Processes } from "./Processes.ts"
import { Renderer } from "./Renderer.ts"
import { RendererConfig } from "./RendererConfig.ts"
import { Reservations } from "./Reservations.ts"
import { SoleRenderer } from "./SoleRenderer.ts"
import { ServerRecord } from "./ServerRecord.ts"
import { Target } from "./Target.ts"
import { Wakes } from "./Wakes.ts"

/** Needs a `FileSystem` and the environment. */
export const rendererLayer = Renderer.layer.pipe(
  Layer.provideMerge(Attempt.layer),
  Layer.provideMerge(
    Layer.mergeAll(
      Activation.layer,
      Gate.layer,
      Reservations.layer,
      ServerRecord.layer,
      SoleRenderer.layer,
      Target.layer
    )
  ),
  Layer.provideMerge(Wakes.layer),
  Layer.provideMerge(Processes.layer),
  Layer.provideMerge(Postgres.layer("renderer", 2)),
  Layer.provideMerge(RendererConfig.layer)
)

export { Renderer, Reservations, Target }
