/**
 * One PostgreSQL and one nats-server for the whole test run, owned by vitest's main process and gone with it.
 *
 * A run without integration tests starts neither. `TEST_INFRA=docker` takes containers instead of embedded servers.
 */
import { type SharedServers, startStack } from "@leasehold/devstack"
import { type TestProject } from "vitest/node"
import { ensurePackages } from "../scripts/setup.mjs"

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (!(await wantsServers(project))) {
    project.provide("pgUrl", "no PostgreSQL: it is started for *.integration.test.ts and *.soak.test.ts")
    project.provide("natsUrl", "no nats-server: it is started for *.integration.test.ts and *.soak.test.ts")
    return undefined
  }
  ensurePackages()
  const servers: SharedServers & { stop(): Promise<void> } = process.env["TEST_INFRA"] === "docker"
    ? await containers()
    : await embedded()
  project.provide("pgUrl", servers.pgUrl)
  project.provide("natsUrl", servers.natsUrl)
  return servers.stop
}

const containers = async () => (await import("@leasehold/devstack/docker")).startContainers()

const embedded = async () => {
  const stack = await startStack()
  return { pgUrl: stack.postgres.url, natsUrl: stack.nats.url, stop: stack.stop }
}

/** vitest keeps the file patterns of its command line to itself; when they cannot be read, all files count. */
async function wantsServers(project: TestProject): Promise<boolean> {
  const patterns: unknown = Reflect.get(project.vitest, "filenamePattern")
  const filters = Array.isArray(patterns) ? patterns.filter((pattern) => typeof pattern === "string") : []
  const { testFiles } = await project.globTestFiles(filters)
  return testFiles.some((file) => /\.(integration|soak)\.test\.ts$/.test(file))
}
