/** The registry as a daemon. Its whole configuration comes from the environment; see the README. */
import { NodeRuntime } from "@effect/platform-node"
import { daemon } from "./daemon.ts"

NodeRuntime.runMain(daemon, { disableErrorReporting: true })
