/** A registry that serves its API over a PostgreSQL and a NATS of the test file's own, and a client of it. */
import { type Nats, startNats } from "@leasehold/devstack"
import { type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"
import { type Bus, connectBus, type Running, startRegistry } from "../RunningRegistry.ts"
import { type GrpcClient, grpcClient } from "./grpcClient.ts"

export interface ServedRegistry {
  readonly nats: Nats
  readonly bus: Bus
  readonly database: RegistryDatabase
  readonly registry: Running
  readonly client: GrpcClient
  /** Another replica. */
  another(env?: Readonly<Record<string, string>>): Promise<Running>
  stop(): Promise<void>
}

export const subnets = { REGISTRY_SUBNETS: "10.0.0.0/24=lab:auto,10.1.0.0/24=lab:manual" }

export const serveRegistry = async (env: Readonly<Record<string, string>> = {}): Promise<ServedRegistry> => {
  const [nats, database] = await Promise.all([startNats(), registryDatabase()])
  const replicas: Array<Running> = []
  const another = async (more: Readonly<Record<string, string>> = {}) => {
    const running = await startRegistry({ database: database.url, nats: nats.url }, { ...subnets, ...more })
    replicas.push(running)
    return running
  }
  const registry = await another(env)
  const bus = await connectBus(nats.url)
  const client = grpcClient(registry.api)
  return {
    nats,
    bus,
    database,
    registry,
    client,
    another,
    stop: async () => {
      client.close()
      await bus.close()
      await Promise.all(replicas.map((replica) => replica.stop()))
      await database.close()
      await nats.stop()
    }
  }
}
