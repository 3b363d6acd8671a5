/** The services of address management over a database of its own, called as a client calls them. */
import { type Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect"
import { BadRequestSchema, IpamService, ServerService } from "@leasehold/registry-api"
import { Effect, Layer, ManagedRuntime } from "effect"
import { Administration } from "../../src/administration/Administration.ts"
import { implementing } from "../../src/api/implement.ts"
import { ipamService } from "../../src/api/services/ipam.ts"
import { serverService } from "../../src/api/services/server.ts"
import { ipamLayer } from "../../src/ipam/ipamLayer.ts"
import { databaseLayer, type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"

const services = ipamLayer.pipe(Layer.provideMerge(Administration.layer))

export interface ServedIpam {
  readonly database: RegistryDatabase
  readonly ipam: ReturnType<typeof ipamClient>
  readonly servers: ReturnType<typeof serverClient>
  /** The same services in another replica of the registry, for somebody else. */
  close(): Promise<void>
}

const ipamClient = (transport: ReturnType<typeof createRouterTransport>) => createClient(IpamService, transport)
const serverClient = (transport: ReturnType<typeof createRouterTransport>) => createClient(ServerService, transport)

/** @param of a database that another replica serves already */
export const servedIpam = async (of?: RegistryDatabase, actor = "test:admin"): Promise<ServedIpam> => {
  const database = of ?? await registryDatabase()
  const runtime = ManagedRuntime.make(services.pipe(Layer.provideMerge(databaseLayer(database.url))))
  const context = await runtime.context()
  const method = implementing(context, () => Effect.succeed({ actor, scope: "administer" }))
  const transport = createRouterTransport((router) => {
    router.service(IpamService, ipamService(method))
    router.service(ServerService, serverService(method))
  })
  return {
    database,
    ipam: ipamClient(transport),
    servers: serverClient(transport),
    close: async () => {
      await runtime.dispose()
      if (of === undefined) await database.close()
    }
  }
}

export interface Refusal {
  readonly code: Code
  readonly message: string
  readonly fields: ReadonlyArray<string>
}

/** What a call is refused with; a call that is not refused is a failure. */
export const refusal = async (call: Promise<unknown>): Promise<Refusal> => {
  const outcome = await call.then(() => undefined, (error: unknown) => ConnectError.from(error))
  if (outcome === undefined) throw new Error("the call was not refused")
  return {
    code: outcome.code,
    message: outcome.rawMessage,
    fields: outcome.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) =>
      fieldViolations.map(({ field }) => field)
    )
  }
}

/** The n-th MAC. */
export const macOf = (number: number): string =>
  `52:54:00:${[16, 8, 0].map((shift) => ((number >> shift) & 255).toString(16).padStart(2, "0")).join(":")}`
