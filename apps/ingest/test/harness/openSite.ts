/** A place for one test of the daemon: a nats-server of its own, a log to write, and the daemon, not started yet. */
import { freePort, type Nats, startNats } from "@leasehold/devstack"
import { eventuallyHolds } from "@leasehold/devstack/test"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { onTestFinished } from "vitest"
import { EventStream, LineSource } from "./EventStream.ts"
import { IngestProcess } from "./IngestProcess.ts"

/** A server, a directory with a log, and a daemon that is not started yet. */
export const openSite = async (env: Readonly<Record<string, string>> = {}, natsConfig?: string) => {
  const directory = mkdtempSync(join(tmpdir(), "leasehold-ingest-"))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const options = {
    dir: join(directory, "nats"),
    port: await freePort(),
    ...(natsConfig === undefined ? {} : { config: join(directory, "nats.conf") })
  }
  if (natsConfig !== undefined) writeFileSync(join(directory, "nats.conf"), natsConfig)
  let nats: Nats | undefined
  const startBus = async () => {
    nats = await startNats(options)
  }
  onTestFinished(async () => nats?.stop())
  await startBus()
  const stream = await EventStream.connect(nats?.url ?? "")
  onTestFinished(() => stream.close())
  const path = join(directory, "dnsmasq.log")
  const state = join(directory, "state")
  const ingest = new IngestProcess({
    NATS_SERVERS: `nats://127.0.0.1:${options.port}`,
    INGEST_LOG_FILES: path,
    INGEST_STATE_DIRECTORY: state,
    ...env
  })
  onTestFinished(async () => void await ingest.end("SIGKILL"))
  const checkpoint = () => {
    const name = readdirSync(state).find((file) => file.endsWith(".json"))
    return name === undefined ? undefined : JSON.parse(readFileSync(join(state, name), "utf8"))
  }
  const offset = (): number => checkpoint()?.position.incarnations.at(-1)?.offset ?? 0
  return {
    directory,
    path,
    state,
    stream,
    ingest,
    source: new LineSource(),
    /** How far the log was read, as the checkpoint says. */
    offset,
    /** Waits until the checkpoint says that the log was read to this offset. */
    remembers: async (bytes: number): Promise<void> => {
      await eventuallyHolds(`the checkpoint reaches ${bytes}`, offset, (reached) => reached === bytes)
    },
    startBus,
    signalBus: (signal: NodeJS.Signals) => process.kill(nats?.pid ?? 0, signal),
    stopBus: async () => nats?.stop(),
    killBus: async () => nats?.kill()
  }
}
