/** The HTTP server of `opsLayer`, a module of its own because it is loaded only where it is wanted. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { createServer } from "node:http"

export const opsServer = <R>(host: string, port: number, health: Effect.Effect<void, string, R>) => {
  const answer = health.pipe(
    Effect.match({
      onSuccess: () => HttpServerResponse.text("ok\n"),
      onFailure: (problem) => HttpServerResponse.text(`${problem}\n`, { status: 503 })
    })
  )
  return HttpRouter.serve(
    Layer.mergeAll(PrometheusMetrics.layerHttp(), HttpRouter.add("GET", "/healthz", answer)),
    { disableLogger: true }
  ).pipe(Layer.provide(NodeHttpServer.layer(createServer, { host, port })))
}
