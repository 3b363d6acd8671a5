/** The registry's parts as one layer that runs for ever. */
import { loggingLayer, Nats, opsLayer, Postgres, reportEnd } from "@leasehold/runtime"
import { Effect, Layer } from "effect"
import { ApiServer } from "./api/ApiServer.ts"
import { servicesLayer } from "./api/apiServices.ts"
import { Administration } from "./administration/Administration.ts"
import { Applier } from "./apply/Applier.ts"
import { consumerLayer } from "./consumer/Consumer.ts"
import { injectionLayer } from "./inject/Injection.ts"
import { mirrorLayer } from "./monitoring/mirrorConfigurations.ts"
import { Relay } from "./outbox/Relay.ts"
import { wakesLayer } from "./outbox/Wakes.ts"
import { Policies } from "./policies/Policies.ts"
import { policyBucketLayer } from "./policies/PolicyBucket.ts"
import { declaredSubnetsLayer } from "./subnets/declaredSubnets.ts"
import { Sweeper, sweepingLayer } from "./sweep/Sweeper.ts"
import { webhookLayer } from "./webhook/webhookLayer.ts"

const health = Effect.map(Effect.all([Postgres, Nats]), ([postgres, nats]) =>
  Effect.gen(function*() {
    yield* Effect.mapError(
      postgres.query("SELECT 1 FROM subnets LIMIT 1").pipe(Effect.timeout("2 seconds")),
      () => "postgres: cannot be asked"
    )
    yield* nats.health
  }))

const opsServer = Layer.unwrap(Effect.map(health, (ask) => opsLayer("REGISTRY", ask)))

// Callers have connections of their own: however much they ask, events are applied.
const apiServer = Layer.unwrap(Effect.map(health, (ask) => ApiServer.layer(ask))).pipe(
  Layer.provide(servicesLayer),
  Layer.provide(Postgres.layer("registry", 4))
)

const services = Layer.mergeAll(Applier.layer, Sweeper.layer).pipe(
  Layer.provideMerge(Relay.layer),
  Layer.provideMerge(Layer.mergeAll(Postgres.layer("registry"), Nats.layer("registry")))
)

const policyBucket = policyBucketLayer.pipe(Layer.provide(Policies.layer), Layer.provide(Administration.layer))

const workers = Layer.mergeAll(
  consumerLayer,
  injectionLayer,
  mirrorLayer,
  wakesLayer,
  policyBucket,
  sweepingLayer,
  webhookLayer,
  opsServer
)

export const registryLayer = Layer.merge(workers, apiServer).pipe(
  // Events that arrive before their subnet is there would get no reservation until their next renewal.
  Layer.provide(declaredSubnetsLayer),
  Layer.provideMerge(services)
)

export const daemon = Effect.gen(function*() {
  const { closed } = yield* Nats
  yield* Effect.logInfo("registry started")
  return yield* closed
}).pipe(
  Effect.provide(registryLayer),
  reportEnd("registry"),
  Effect.provide(loggingLayer())
)
