/**
 * The renderer as a daemon. Its whole configuration comes from the environment; see the README.
 *
 * V8 is told to prefer a small heap to a fast one, and that before anything else is loaded: a renderer then needs half
 * the memory. It is no slower, because what takes time in it is PostgreSQL and dnsmasq.
 */
import { setFlagsFromString } from "node:v8"

setFlagsFromString("--optimize-for-size")

const [{ daemon }, NodeRuntime] = await Promise.all([
  import("./daemon.ts"),
  import("@effect/platform-node/NodeRuntime")
])
NodeRuntime.runMain(daemon, { disableErrorReporting: true })
