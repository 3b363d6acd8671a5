/**
 * The registry as a daemon; with arguments, one of its commands. Its whole configuration comes from the environment; see
 * the README.
 *
 * V8 is told to keep a small heap before anything else is loaded: events live for milliseconds, and the large nursery
 * and late collections that it would take instead cost a hundred megabytes and save nothing.
 */
import { setFlagsFromString } from "node:v8"

setFlagsFromString("--semi-space-growth-factor=1")
setFlagsFromString("--heap-growing-percent=60")

// What is open is ended in order; a server that does not answer is not waited for.
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => setTimeout(() => process.exit(130), 3_000).unref())
}

const NodeRuntime = await import("@effect/platform-node/NodeRuntime")
if (process.argv.length > 2) {
  const { cli } = await import("./cli.ts")
  NodeRuntime.runMain(cli, { disableErrorReporting: true })
} else {
  const { daemon } = await import("./daemon.ts")
  NodeRuntime.runMain(daemon, { disableErrorReporting: true })
}
