/**
 * Starts the real servers that development and tests need: PostgreSQL, nats-server, and dnsmasq with DHCP clients.
 *
 * Tooling, not product: plain promises and `node:` modules, imported by `npm start` and by tests only. Nothing that it
 * starts outlives the process that started it, and nothing stays in the temporary directory.
 */
export { type SharedServers } from "./context.ts"
export { dieWithOwner } from "./Daemon.ts"
export { freePort } from "./freePort.ts"
export { type Nats, natsBinary, type NatsOptions, startNats } from "./Nats.ts"
export { freshDatabase, type Postgres, type PostgresOptions, startPostgres } from "./Postgres.ts"
export { type Stack, startStack } from "./Stack.ts"
