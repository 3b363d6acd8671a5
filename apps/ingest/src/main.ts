/**
 * `ingest` without arguments is the daemon, set up by its environment; with arguments it is a command line.
 *
 * The daemon lives beside a DHCP server, which may be a small machine, so it is careful with memory. What decides about
 * that can only be said when Node starts, so it replaces itself by a Node that was told: a small heap, no compiler that
 * needs more memory than its code saves, one arena for malloc, which gives back what is free, and stripped types and
 * bytecode kept in the state directory.
 */
import { join } from "node:path"

const frugal = ["--optimize-for-size", "--max-semi-space-size=1", "--no-turbofan"]
const { argv, env, execArgv, execPath } = process

if (argv.length > 2) {
  await import("./cli.ts")
} else if (process.execve !== undefined && !frugal.every((flag) => execArgv.includes(flag))) {
  const compiled = join(env["INGEST_STATE_DIRECTORY"] ?? "/var/lib/leasehold/ingest", "compiled")
  process.execve(execPath, [execPath, ...execArgv, ...frugal, ...argv.slice(1)], {
    NODE_COMPILE_CACHE: compiled,
    MALLOC_ARENA_MAX: "1",
    MALLOC_MMAP_THRESHOLD_: "16384",
    MALLOC_TRIM_THRESHOLD_: "32768",
    MALLOC_TOP_PAD_: "4096",
    ...env
  })
} else {
  const [{ daemon }, { runMain }] = await Promise.all([
    import("./daemon.ts"),
    import("@effect/platform-node/NodeRuntime")
  ])
  runMain(daemon, { disableErrorReporting: true })
}
