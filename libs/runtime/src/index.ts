/** What each daemon has at its edge. */
export * from "./configProblem.ts"
export * from "./explain.ts"
export * from "./Logging.ts"
export * from "./Nats.ts"
export * from "./Ops.ts"
export * from "./Postgres.ts"
export * from "./reportEnd.ts"
