/** PostgreSQL and nats-server together; when one does not start, neither is left behind. */
import { type Nats, type NatsOptions, startNats } from "./Nats.ts"
import { type Postgres, type PostgresOptions, startPostgres } from "./Postgres.ts"

export interface Stack {
  readonly postgres: Postgres
  readonly nats: Nats
  stop(): Promise<void>
}

export async function startStack(
  options: { readonly postgres?: PostgresOptions; readonly nats?: NatsOptions } = {}
): Promise<Stack> {
  const starting = [startPostgres(options.postgres), startNats(options.nats)] as const
  try {
    const [postgres, nats] = await Promise.all(starting)
    return {
      postgres,
      nats,
      stop: async () => {
        await Promise.all([postgres.stop(), nats.stop()])
      }
    }
  } catch (error) {
    await Promise.all(starting.map((one) => one.then((server) => server.stop(), () => undefined)))
    throw error
  }
}
