/** A registry that runs in the test's process, or several, over servers of the test's own. */
import { eventuallyHolds } from "@leasehold/devstack/test"
import { jetstream, type JetStreamClient, jetstreamManager } from "@nats-io/jetstream"
import { connect, type NatsConnection } from "@nats-io/transport-node"
import { ConfigProvider, Layer, Logger, ManagedRuntime } from "effect"
import { ApiServer } from "../src/api/ApiServer.ts"
import { registryLayer } from "../src/daemon.ts"

export interface Running {
  /** Of its API: `http://127.0.0.1:40123`. */
  readonly api: string
  /** Ends it as SIGTERM does. */
  stop(): Promise<void>
}

/** Starts a replica; resolves when it consumes. */
export const startRegistry = async (
  urls: { readonly database: string; readonly nats: string },
  env: Readonly<Record<string, string>> = {}
): Promise<Running> => {
  const config = ConfigProvider.layer(
    ConfigProvider.fromEnv({
      env: { DATABASE_URL: urls.database, NATS_SERVERS: urls.nats, REGISTRY_API_PORT: "0", ...env }
    })
  )
  const runtime = ManagedRuntime.make(
    registryLayer.pipe(Layer.provide(config), Layer.provide(Logger.layer([])))
  )
  const { url } = await runtime.runPromise(ApiServer)
  return { api: url, stop: () => runtime.dispose() }
}

export interface Bus {
  readonly connection: NatsConnection
  readonly client: JetStreamClient
  publish(subject: string, body: object | string, id?: string): Promise<void>
  /** Every message of a stream, from the first. */
  messages(stream: string): Promise<ReadonlyArray<{ subject: string; body: string; header(name: string): string }>>
  /** Waits until every message was settled. */
  settled(): Promise<void>
  close(): Promise<void>
}

export const connectBus = async (url: string): Promise<Bus> => {
  const connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  const client = jetstream(connection)
  const manager = await jetstreamManager(connection)
  return {
    connection,
    client,
    publish: async (subject, body, id) => {
      const text = typeof body === "string" ? body : JSON.stringify(body)
      await client.publish(subject, text, id === undefined ? {} : { msgID: id })
    },
    messages: async (stream) => {
      const { state } = await manager.streams.info(stream)
      const all = []
      for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
        const message = await manager.streams.getMessage(stream, { seq })
        if (message !== null) {
          all.push({
            subject: message.subject,
            body: message.string(),
            header: (name: string) => message.header.get(name)
          })
        }
      }
      return all
    },
    settled: async () => {
      await eventuallyHolds(
        "every message is settled",
        async () => {
          const { state } = await manager.streams.info("DHCP")
          const { ack_floor, num_ack_pending, num_pending } = await manager.consumers.info("DHCP", "registry")
          return { pending: num_pending, unsettled: num_ack_pending, after: state.last_seq - ack_floor.stream_seq }
        },
        ({ after, pending, unsettled }) => pending === 0 && unsettled === 0 && after <= 0,
        30_000
      )
    },
    close: () => connection.close()
  }
}
