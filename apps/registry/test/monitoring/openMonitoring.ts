/** The registry's monitoring over a database and a bus of the test's own, as one replica or several. */
import { type Nats as Server, startNats } from "@leasehold/devstack"
import { eventually } from "@leasehold/devstack/test"
import { Nats, Postgres } from "@leasehold/runtime"
import { type KV, Kvm } from "@nats-io/kv"
import { ConfigProvider, Effect, Layer, Logger, ManagedRuntime } from "effect"
import { onTestFinished } from "vitest"
import { Administration } from "../../src/administration/Administration.ts"
import { mirrorLayer } from "../../src/monitoring/mirrorConfigurations.ts"
import { Monitoring } from "../../src/monitoring/Monitoring.ts"
import { registryDatabase } from "../registryDatabase.ts"
import { connectBus } from "../RunningRegistry.ts"

export const caller = { actor: "local:test", scope: "operate" } as const

/** The first page of what the ingests report. */
export const statesOf = (monitoring: Monitoring["Service"], server: string) =>
  Effect.map(monitoring.status(server, { size: 0, token: "" }), ({ items }) => items)

/** `natsConfig` is the path of a configuration for the bus; `env` what the replicas are told besides. */
export const openMonitoring = async (natsConfig?: string, env: Readonly<Record<string, string>> = {}) => {
  const database = await registryDatabase()
  const server: Server = await startNats(natsConfig === undefined ? {} : { config: natsConfig })
  onTestFinished(() => server.stop())
  onTestFinished(() => database.close())
  const bus = await connectBus(server.url)
  onTestFinished(() => bus.close())

  const replica = async () => {
    const layer = Layer.mergeAll(Monitoring.layer, mirrorLayer).pipe(
      Layer.provide(Administration.layer),
      Layer.provide(Layer.mergeAll(Postgres.layer("registry"), Nats.layer("registry"))),
      Layer.provide(ConfigProvider.layer(
        ConfigProvider.fromEnv({ env: { DATABASE_URL: database.url, NATS_SERVERS: server.url, ...env } })
      )),
      Layer.provide(Logger.layer([]))
    )
    const runtime = ManagedRuntime.make(layer)
    onTestFinished(() => runtime.dispose())
    const monitoring = await runtime.runPromise(Monitoring)
    return { monitoring, run: runtime.runPromise, stop: () => runtime.dispose() }
  }

  const open = (name: string): Promise<KV> => new Kvm(bus.connection).open(name)
  /** What a bucket holds under a key; undefined for nothing, or a bucket that is not there. */
  const value = async (name: string, key: string): Promise<unknown> => {
    const entry = await (await open(name)).get(key).catch(() => null)
    return entry === null || entry.operation !== "PUT" ? undefined : JSON.parse(entry.string())
  }
  /** Waits until the bucket of configurations holds this for the server, or nothing. */
  const mirrored = (server: string, expected: object | undefined) =>
    eventually(
      `ingest-config holds ${JSON.stringify(expected)}`,
      async () => JSON.stringify(await value("ingest-config", server)) === JSON.stringify(expected) ? true : undefined
    )

  return { database, server, bus, replica, open, value, mirrored }
}
