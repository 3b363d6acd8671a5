/**
 * Metrics and health over HTTP, for the daemons that are told a port: `/metrics` (Prometheus text) and `/healthz`.
 *
 * Without `<APP>_OPS_PORT` nothing listens, and the server is not even loaded: it would be a good part of a small
 * daemon's memory. It binds loopback unless `<APP>_OPS_HOST` says otherwise.
 */
import { Config, Effect, Layer, Option, Schema } from "effect"
import { explain } from "./explain.ts"

export class OpsError extends Schema.TaggedError<OpsError>()("OpsError", {
  variable: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `${this.variable}: ${explain(this.cause)}`
  }
}

/** `health` fails with what is wrong: the answer is then 503 with that text. */
export const opsLayer = <R>(prefix: string, health: Effect.Effect<void, string, R>) =>
  Layer.unwrap(Effect.gen(function*() {
    const { host, port } = yield* Config.all({
      host: Config.String("OPS_HOST").pipe(Config.withDefault("127.0.0.1")),
      port: Config.option(Config.Port("OPS_PORT"))
    }).pipe(Config.nested(prefix))
    if (Option.isNone(port)) return Layer.empty
    const { opsServer } = yield* Effect.promise(() => import("./Ops/opsServer.ts"))
    return opsServer(host, port.value, health).pipe(
      Layer.catch((cause) => Layer.effectDiscard(new OpsError({ variable: `${prefix}_OPS_PORT`, cause })))
    )
  }))
