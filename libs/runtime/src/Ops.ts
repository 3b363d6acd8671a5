/**
 * Metrics and health over HTTP, for the daemons that are told a port: `/metrics` (Prometheus text) and `/healthz`.
 *
 * Without `<APP>_OPS_PORT` nothing listens. It binds loopback unless `<APP>_OPS_HOST` says otherwise.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { Config, Effect, Layer, Option } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { createServer } from "node:http"

/** `health` fails with what is wrong: the answer is then 503 with that text. */
export const opsLayer = <R>(prefix: string, health: Effect.Effect<void, string, R>) =>
  Layer.unwrap(Effect.gen(function*() {
    const config = yield* Config.all({
      host: Config.String("OPS_HOST").pipe(Config.withDefault("127.0.0.1")),
      port: Config.option(Config.Port("OPS_PORT"))
    }).pipe(Config.nested(prefix))
    if (Option.isNone(config.port)) return Layer.empty
    const { host } = config
    const port = config.port.value
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
  }))
