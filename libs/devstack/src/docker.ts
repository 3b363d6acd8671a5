/** The servers of a test run as containers, for machines that have Docker and none of the embedded binaries. */
import { PostgreSqlContainer } from "@testcontainers/postgresql"
import { GenericContainer, Wait } from "testcontainers"

export interface Containers {
  readonly pgUrl: string
  readonly natsUrl: string
  stop(): Promise<void>
}

export async function startContainers(): Promise<Containers> {
  // The module for NATS always sets a user, which a plain URL cannot carry.
  const nats = new GenericContainer("nats:2.14-alpine").withCommand(["--jetstream"]).withExposedPorts(4222)
    .withWaitStrategy(Wait.forLogMessage(/Server is ready/))
  const [postgres, server] = await Promise.all([
    new PostgreSqlContainer("postgres:18-alpine").withDatabase("postgres").withUsername("postgres").start(),
    nats.start()
  ])
  return {
    pgUrl: postgres.getConnectionUri(),
    natsUrl: `nats://${server.getHost()}:${server.getMappedPort(4222)}`,
    stop: async () => {
      await Promise.all([postgres.stop(), server.stop()])
    }
  }
}
