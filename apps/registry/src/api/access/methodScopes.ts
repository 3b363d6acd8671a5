/**
 * Which scope each method needs: the one place that says so. A method that is missing does not compile, and one that is
 * served without being here is refused.
 */
import type { DescMethod, DescService } from "@bufbuild/protobuf"
import { AccessService, IpamService, PolicyService, ServerService, WatcherService } from "@leasehold/registry-api"
import { Health } from "@leasehold/registry-api/gen/grpc/health/v1/health_pb"
import { ServerReflection } from "@leasehold/registry-api/gen/grpc/reflection/v1/reflection_pb"
import type { Scope } from "../Caller.ts"

/** `nobody-in-particular`: without credentials too. */
export type Needed = Scope | "nobody-in-particular"

const methodsOf = <S extends DescService>(
  service: S,
  scopes: Readonly<Record<Extract<keyof S["method"], string>, Needed>>
): ReadonlyArray<readonly [string, Needed]> =>
  Object.entries<Needed>(scopes).map(([method, scope]) => [`${service.typeName}.${method}`, scope])

const needed: ReadonlyMap<string, Needed> = new Map([
  ...methodsOf(WatcherService, {
    registerSystem: "operate",
    getSystem: "read",
    listSystems: "read",
    updateSystem: "operate",
    approveSystem: "operate",
    watchSystems: "read",
    explainSystem: "read",
    listAddressHistory: "read",
    configureWatcher: "administer",
    getWatcherConfiguration: "read",
    getWatcherStatus: "read"
  }),
  ...methodsOf(IpamService, {
    createSubnet: "administer",
    getSubnet: "read",
    listSubnets: "read",
    updateSubnet: "administer",
    deleteSubnet: "administer",
    createReservation: "operate",
    getReservation: "read",
    listReservations: "read",
    updateReservation: "operate",
    deleteReservation: "operate",
    nextFreeAddress: "operate",
    importReservations: "operate",
    listChanges: "read",
    // And administer where more than reservations and systems was changed: `Changes` sees to that.
    undoChange: "operate",
    checkRegistry: "read"
  }),
  ...methodsOf(PolicyService, {
    listPolicies: "read",
    getPolicy: "read",
    updatePolicy: "administer",
    deletePolicy: "administer",
    testPolicy: "read"
  }),
  ...methodsOf(ServerService, { listServers: "read", getServer: "read", exportHosts: "read" }),
  ...methodsOf(AccessService, {
    createToken: "administer",
    listTokens: "administer",
    revokeToken: "administer",
    whoAmI: "read"
  }),
  // Load balancers ask without credentials; the answer says no more than whether it serves.
  ...methodsOf(Health, { check: "nobody-in-particular", watch: "nobody-in-particular" }),
  ...methodsOf(ServerReflection, { serverReflectionInfo: "read" })
])

export const neededScope = (method: DescMethod): Needed | undefined =>
  needed.get(`${method.parent.typeName}.${method.localName}`)
