/** The services of the API, each over the parts of the registry that it uses. */
import type { ConnectRouter } from "@connectrpc/connect"
import { AccessService, IpamService, PolicyService, ServerService, WatcherService } from "@leasehold/registry-api"
import { Health } from "@leasehold/registry-api/gen/grpc/health/v1/health_pb"
import { ServerReflection } from "@leasehold/registry-api/gen/grpc/reflection/v1/reflection_pb"
import { Effect, Layer } from "effect"
import { Administration } from "../administration/Administration.ts"
import { ipamLayer } from "../ipam/ipamLayer.ts"
import { Monitoring } from "../monitoring/Monitoring.ts"
import { Policies } from "../policies/Policies.ts"
import { AddressHistory } from "../systems/AddressHistory.ts"
import { Approval } from "../systems/Approval.ts"
import { Decisions } from "../systems/Decisions.ts"
import { Explanation } from "../systems/Explanation.ts"
import { Registration } from "../systems/Registration.ts"
import { Systems } from "../systems/Systems.ts"
import { Watching } from "../systems/Watching.ts"
import { passed } from "./access/authenticate.ts"
import { Tokens } from "./access/Tokens.ts"
import { implementing, type Surroundings } from "./implement.ts"
import { accessService } from "./services/access.ts"
import { ipamService } from "./services/ipam.ts"
import { policyService } from "./services/policy.ts"
import { serverService } from "./services/server.ts"
import { watcherService } from "./services/watcher.ts"
import { strictly } from "./strictJson.ts"

/** In the order in which reflection names them. */
export const servedServices = [
  WatcherService,
  IpamService,
  PolicyService,
  ServerService,
  AccessService,
  Health,
  ServerReflection
]

/** What the services use. */
export const servicesLayer = Layer.mergeAll(
  AddressHistory.layer,
  Approval.layer,
  Decisions.layer,
  Explanation.layer,
  Monitoring.layer,
  Policies.layer,
  Registration.layer,
  Tokens.layer,
  Watching.layer
).pipe(
  Layer.provideMerge(ipamLayer),
  Layer.provideMerge(Systems.layer),
  Layer.provideMerge(Administration.layer)
)

type Used = Layer.Success<typeof servicesLayer>

/** Registers the services with a router. */
export const apiServices = (surroundings: Surroundings) =>
  Effect.map(Effect.context<Used>(), (context) => {
    const method = implementing(context, passed, surroundings)
    return (router: ConnectRouter): void => {
      strictly(router, WatcherService, watcherService(method))
      strictly(router, IpamService, ipamService(method))
      strictly(router, PolicyService, policyService(method))
      strictly(router, ServerService, serverService(method))
      strictly(router, AccessService, accessService(method))
    }
  })
