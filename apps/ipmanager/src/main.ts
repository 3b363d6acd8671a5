#!/usr/bin/env node
/**
 * The administrator's command line. What V8 compiled is kept for the next start, so that a command answers at once.
 *
 * It is kept in the user's own directory: Node's default is below /tmp, where others could put code in its place. Who has
 * no such directory, and cannot make one, starts slower.
 */
import { existsSync, mkdirSync } from "node:fs"
import { enableCompileCache } from "node:module"
import { homedir } from "node:os"
import { join } from "node:path"

// Step by step: where nothing can be made (HOME=/proc), Node's own way to make all of it at once never ends.
const caches = join(homedir(), ".cache")
const ours = join(caches, "leasehold")
try {
  for (const directory of [caches, ours]) if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 })
  enableCompileCache(ours)
} catch {
  // Without a cache, then.
}

const { main } = await import("./cli.ts")
await main()
