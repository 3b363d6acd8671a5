/** A registry that runs in the test's process, or several, over servers of the test's own. */
import { jetstream, type JetStreamClient, jetstreamManager } from "@nats-io/jetstream"
import { connect, type NatsConnection } from "@nats-io/transport-node"
import { ConfigProvider, Layer, Logger, ManagedRuntime } from "effect"
import { setTimeout as sleep } from "node:timers/promises"
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

/** Asks again and again until the answer is not undefined. */
export const eventually = async <A>(
  what: string,
  ask: () => Promise<A | undefined>,
  limit = 15_000
): Promise<A> => {
  const end = Date.now() + limit
  let last: unknown
  while (Date.now() < end) {
    try {
      const answer = await ask()
      if (answer !== undefined) return answer
      last = undefined
    } catch (error) {
      last = error
    }
    await sleep(15)
  }
  throw new Error(`${what}: not within ${limit} ms${last === undefined ? "" : `; last error: ${String(last)}`}`)
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
      await eventually("every message is settled", async () => {
        const { state } = await manager.streams.info("DHCP")
        const consumer = await manager.consumers.info("DHCP", "registry")
        return consumer.num_pending === 0 && consumer.num_ack_pending === 0
            && consumer.ack_floor.stream_seq >= state.last_seq
          ? true
          : undefined
      }, 30_000)
    },
    close: () => connection.close()
  }
}
