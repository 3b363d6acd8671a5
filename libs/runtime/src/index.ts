/** What each daemon has at its edge. */
export * from "./Logging.ts"
export * from "./Nats.ts"
export * from "./Ops.ts"
export * from "./Postgres.ts"
