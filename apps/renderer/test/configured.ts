/** The layers of the renderer over an environment that a test makes up, with the real file system, saying nothing. */
import { NodeServices } from "@effect/platform-node"
import { ConfigProvider, Context, Effect, FileSystem, Layer, Logger } from "effect"
import { join } from "node:path"
import { RendererConfig } from "../src/RendererConfig.ts"
import { Target } from "../src/Target.ts"

export type Environment = Readonly<Record<string, string>>

export const environment = (env: Environment) =>
  Layer.mergeAll(
    NodeServices.layer,
    Logger.layer([]),
    ConfigProvider.layer(ConfigProvider.fromEnv({ env: { RENDERER_SERVER: "lab", ...env } }))
  )

export const confIn = (file: string): Environment => ({ RENDERER_FILE: file, RENDERER_ACTIVATE: "true" })
export const hostsIn = (directory: string): Environment => ({
  RENDERER_MODE: "hosts",
  RENDERER_DIRECTORY: directory,
  RENDERER_LOG_FILE: join(directory, "..", "dnsmasq.log"),
  RENDERER_ACTIVATE: "true"
})

export const targetOf = (env: Environment) =>
  Effect.map(
    Layer.build(Target.layer.pipe(Layer.provide(RendererConfig.layer), Layer.provideMerge(environment(env)))),
    (context) => ({ target: Context.get(context, Target), fs: Context.get(context, FileSystem.FileSystem) })
  )
