#!/usr/bin/env node
/**
 * The administrator's command line. What V8 compiled is kept for the next start, so that a command answers at once.
 */
import { enableCompileCache } from "node:module"

enableCompileCache()
const { main } = await import("./cli.ts")
await main()
