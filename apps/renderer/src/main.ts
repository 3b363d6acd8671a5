/**
 * The renderer as a daemon; with arguments, what its program says of itself. Its whole configuration comes from the
 * environment; see the README.
 *
 * V8 is told to prefer a small heap to a fast one, and that before anything else is loaded: a renderer then needs half
 * the memory. It is no slower, because what takes time in it is PostgreSQL and dnsmasq.
 */
import { setFlagsFromString } from "node:v8"

setFlagsFromString("--optimize-for-size")

const NodeRuntime = await import("@effect/platform-node/NodeRuntime")
if (process.argv.length > 2) {
  const { cli } = await import("./cli.ts")
  NodeRuntime.runMain(cli, { disableErrorReporting: true })
} else {
  const { daemon } = await import("./daemon.ts")
  NodeRuntime.runMain(daemon, { disableErrorReporting: true })
}
