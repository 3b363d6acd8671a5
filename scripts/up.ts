/**
 * `npm start`: brings up the whole system and shows what it does, until Ctrl-C.
 *
 * Order: servers, migrations, onlooker, apps, and in a demonstration the dnsmasq with its clients. Everything is stopped
 * in the reverse order. Nothing outlives this process, even when it is killed.
 */
import { mkdir } from "node:fs/promises"
import { join, resolve } from "node:path"
import { migrate } from "./migrate.ts"
import { type App, startApp } from "./up/App.ts"
import { freeApiPort } from "./up/apiPort.ts"
import { whenOrphaned } from "./up/ancestors.ts"
import { connectNats } from "./up/connectNats.ts"
import { demonstrate, type Demonstration } from "./up/demonstration.ts"
import { environmentOf } from "./up/environment.ts"
import { type Followed, type Options, parseOptions, usage, UsageError } from "./up/options.ts"
import { startServers } from "./up/Servers.ts"
import { openTerminal } from "./up/Terminal.ts"
import { watchWorld } from "./up/World.ts"

const root = new URL("../", import.meta.url).pathname

/** What must be stopped, latest first; one that fails does not keep the others running. */
const finalizers: Array<() => Promise<void> | void> = []
let stopping: Promise<void> | undefined
const stopAll = () =>
  stopping ??= (async () => {
    for (const finalize of finalizers.splice(0).toReversed()) {
      try {
        await finalize()
      } catch (error) {
        process.stderr.write(`while stopping: ${error instanceof Error ? error.message : String(error)}\n`)
      }
    }
  })()

const hintsOf = (followed: Followed, natsServers: string, apiPort: number): ReadonlyArray<string> => {
  const subnet = followed.subnets[0]?.split(/[/:]/u)[0]?.replace(/\d+$/u, "77") ?? "10.0.0.77"
  const body = `'{"mac":"52:54:00:12:34:56","ip":"${subnet}","hostname":"toaster"}'`
  return [
    `nats -s ${natsServers} pub dhcp.v1.event.${followed.server}.ack ${body}`,
    `nats -s ${natsServers} sub 'discovery.v1.>'      (no nats here? npm run -s bus -- pub|req|sub …)`,
    `npm run -s ipmanager -- --server http://127.0.0.1:${apiPort} system list`
  ]
}

async function up(options: Options): Promise<void> {
  const startedAt = performance.now()
  const demonstration = options.mode.type === "demonstration"
  const data = resolve(root, options.data ?? (demonstration ? ".data/demonstration" : ".data"))
  await mkdir(join(data, "logs"), { recursive: true, mode: 0o700 })
  const servers = await startServers(data)
  finalizers.push(() => servers.stop())
  await migrate(servers.databaseUrl)
  const apiPort = await freeApiPort(process.env["REGISTRY_API_PORT"])

  let demo: Demonstration | undefined
  if (options.mode.type === "demonstration") {
    demo = await demonstrate({ data, databaseUrl: servers.databaseUrl, replay: options.mode.replay })
    finalizers.push(demo.stop)
  }
  const followed = options.mode.type === "followed" ? options.mode : demo?.followed
  if (followed === undefined) throw new Error("nothing to follow")

  const connection = await connectNats("npm start", servers.natsServers)
  finalizers.push(() => connection.close())

  const apps: Array<App> = []
  const world = watchWorld({
    connection,
    databaseUrl: servers.databaseUrl,
    server: followed.server,
    filePath: followed.target?.file.path,
    onTold: (told) => terminal.told(told)
  })
  const title = demo?.title ?? `Leasehold follows ${followed.logFiles.join(", ")}`
  const terminal = openTerminal(() => ({
    title,
    upSeconds: (performance.now() - startedAt) / 1000,
    servers: servers.shown,
    apps: apps.map((app) => ({ name: app.name, state: app.state(), restarts: app.restarts() })),
    counts: world.counts,
    file: world.file(),
    systems: world.systems(),
    systemCount: world.systemCount(),
    told: world.told(),
    hints: hintsOf(followed, servers.natsServers, apiPort),
    now: Date.now() / 1000
  }), options.plain)
  finalizers.push(async () => {
    await world.refresh()
    const file = world.file()
    terminal.close([
      `Leasehold stopped. ${world.systemCount()} systems known${
        // The demonstration's file goes with its network.
        file === undefined
          ? ""
          : `, ${file.lines ?? 0} reservations in ${demo === undefined ? file.path : "the file"}`}.`,
      `State is kept in ${data}; logs in ${join(data, "logs")}.`
    ])
    return world.close()
  })

  for (const [name, env] of Object.entries(environmentOf(followed, { ...servers, apiPort }, data))) {
    const app = startApp({
      name,
      main: join(root, "apps", name, "src/main.ts"),
      env,
      logFile: join(data, "logs", `${name}.log`),
      heed: ({ fields, level, message }) => {
        const details = Object.entries(fields).filter(([field]) => field !== "app").map(([field, value]) =>
          `${field} ${typeof value === "string" ? value : JSON.stringify(value)}`
        )
        world.tell(
          `${name}: ${message}${details.length === 0 ? "" : ` (${details.join(", ")})`}`.slice(0, 400),
          level === "error" ? "bad" : "plain"
        )
      }
    })
    apps.push(app)
  }
  finalizers.push(async () => {
    await Promise.all(apps.map((app) => app.stop()))
  })

  if (!terminal.live) {
    world.tell(title)
    for (const line of servers.shown) world.tell(line)
    for (const hint of hintsOf(followed, servers.natsServers, apiPort)) world.tell(`try: ${hint}`)
  }
  if (followed.subnets.length === 0) world.tell("no --subnet given: systems are recorded, nothing is reserved")
  if (followed.target === undefined) world.tell("no --conf given: dnsmasq is watched, nothing is written for it")
  if (demo !== undefined) await demo.run(world)
}

function main(): void {
  const stop = (code: number) => {
    void stopAll().then(() => process.exit(code))
  }
  // Asked twice (npm and the terminal both pass Ctrl-C on) it still stops once, in order.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop(0))
  whenOrphaned(() => stop(1))
  try {
    const options = parseOptions(process.argv.slice(2))
    if (options === "help") {
      process.stdout.write(usage)
      return
    }
    up(options).catch((error: unknown) => {
      if (stopping === undefined) {
        finalizers.push(() =>
          void process.stderr.write(`cannot start: ${error instanceof Error ? error.message : String(error)}\n`)
        )
      }
      stop(1)
    })
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`${error.message}\n\n${usage}`)
    process.exitCode = 1
  }
}

main()
