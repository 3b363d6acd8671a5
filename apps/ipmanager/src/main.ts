#!/usr/bin/env node
/**
 * The administrator's command line. What V8 compiled is kept for the next start, so that a command answers at once.
 *
 * It is kept in the user's own directory: Node's default is below /tmp, where others could put code in its place. A user
 * without one starts slower; Node would try for ever to make it in some places.
 */
import { existsSync } from "node:fs"
import { enableCompileCache } from "node:module"
import { homedir } from "node:os"
import { join } from "node:path"

const home = homedir()
if (existsSync(home)) enableCompileCache(join(home, ".cache", "leasehold"))

const { main } = await import("./cli.ts")
await main()
