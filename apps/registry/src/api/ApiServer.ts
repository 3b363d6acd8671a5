/**
 * Serves the API: gRPC, gRPC-Web and Connect's JSON on one port, with health and reflection.
 *
 * It ends in order: watchers are told that the server goes away, calls get a second to end, and what is left is cut.
 */
import type { DescMethod } from "@bufbuild/protobuf"
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect"
import { compressionGzip, connectNodeAdapter } from "@connectrpc/connect-node"
import { Health } from "@leasehold/registry-api/gen/grpc/health/v1/health_pb"
import { ServerReflection } from "@leasehold/registry-api/gen/grpc/reflection/v1/reflection_pb"
import { Cause, Context, Effect, Exit, Layer } from "effect"
import { authenticating, connectionValues } from "./access/authenticate.ts"
import { neededScope } from "./access/methodScopes.ts"
import { Tokens } from "./access/Tokens.ts"
import { ApiConfig, ApiRefused, authorityOf } from "./ApiConfig.ts"
import { apiServices, servedServices } from "./apiServices.ts"
import { healthService } from "./health.ts"
import { guarded, type Paths } from "./http/guarded.ts"
import { limits } from "./http/limits.ts"
import { onePort } from "./http/onePort.ts"
import { withPlainMessage } from "./http/plainMessage.ts"
import { toConnectError } from "./implement.ts"
import { reflectionService } from "./reflection.ts"
import { strict } from "./strictJson.ts"

const largestMessage = 4 * 1024 * 1024
const patience = 1_000

export class ApiServer extends Context.Service<ApiServer, {
  /** `http://127.0.0.1:50551` */
  readonly url: string
}>()("registry/api/ApiServer") {
  /** @param health fails where something that the registry needs is away */
  static readonly layer = (health: Effect.Effect<void, string>) =>
    Layer.effect(
      ApiServer,
      Effect.gen(function*() {
        const config = yield* ApiConfig
        const tokens = yield* Tokens
        const context = yield* Effect.context()
        const ended = ending()
        const authenticate = authenticating(config, tokens)
        const services = yield* apiServices({ ended: ended.signal, stillMay: authenticate })
        const adapter = connectNodeAdapter({
          readMaxBytes: largestMessage,
          jsonOptions: strict,
          acceptCompression: [compressionGzip],
          contextValues: connectionValues,
          requestGate: async (handler: HandlerContext) => {
            const exit = await Effect.runPromiseExitWith(context)(authenticate(handler), { signal: handler.signal })
            if (Exit.isSuccess(exit)) return
            const failure = exit.cause.reasons.find(Cause.isFailReason)
            throw failure === undefined ? away : toConnectError(failure.error)
          },
          routes: (router) => {
            services(router)
            router.service(
              Health,
              healthService(health, new Set(servedServices.map(({ typeName }) => typeName)), context, ended.signal)
            )
            router.service(ServerReflection, reflectionService(servedServices))
          }
        })
        const port = yield* Effect.acquireRelease(
          Effect.tryPromise({
            try: () => onePort(config, limits, guarded(config, limits, paths, withPlainMessage(adapter))),
            catch: (cause) =>
              new ApiRefused({
                message: `the API cannot listen on ${authorityOf(config.host, config.port)}: ${
                  cause instanceof Error ? cause.message : String(cause)
                }; set REGISTRY_API_HOST or REGISTRY_API_PORT`
              })
          }),
          (port) =>
            Effect.promise(() => {
              ended.abort(away)
              return port.close(patience)
            })
        )
        const url = `${config.tls === undefined ? "http" : "https"}://${authorityOf(config.host, port.port)}`
        yield* Effect.logInfo("api listening", { url, credentials: config.trusting ? "none" : "required" })
        return ApiServer.of({ url })
      })
    )
}

/** Tells every call that it is over. */
const ending = () => new AbortController()

const away = new ConnectError("the server goes away; call again", Code.Unavailable)

const pathsWhere = (is: (method: DescMethod) => boolean): ReadonlySet<string> =>
  new Set(
    servedServices.flatMap(({ methods, typeName }) => methods.filter(is).map(({ name }) => `/${typeName}/${name}`))
  )

const paths: Paths = {
  uploads: pathsWhere(({ methodKind }) => methodKind === "client_streaming" || methodKind === "bidi_streaming"),
  strangers: pathsWhere((method) => neededScope(method) === "nobody-in-particular")
}
