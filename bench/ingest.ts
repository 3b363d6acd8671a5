/**
 * Lines of a log to acknowledged messages, against the bare client publishing the same bodies, pipelined.
 *
 * Both store in the same nats-server, on disk; the clock is the stream's, from the first message stored to the last, so
 * that no start-up counts. The ingest is the daemon itself, in a process of its own, following a real file.
 */
import { DHCP, encodeBody, eventSubject, ServerId } from "@leasehold/events"
import { startNats } from "@leasehold/devstack"
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect, nanos } from "@nats-io/transport-node"
import { spawn } from "node:child_process"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { makeLogEvents } from "../apps/ingest/src/LogEvents.ts"
import type { BenchRow } from "./BenchRow.ts"

const exchanges = 40_000
const count = exchanges * 4
const rounds = 3
const windows = [512, 2048, 8192]
const server = ServerId.make("bench")
const main = new URL("../apps/ingest/src/main.ts", import.meta.url).pathname

const hex = (value: number) => (value & 255).toString(16).padStart(2, "0")

/** What dnsmasq writes for clients that come and ask, in its own log file. */
const makeLog = (): Buffer => {
  const lines: Array<string> = []
  for (let n = 0; n < exchanges; n++) {
    const second = Math.floor(n / 250)
    const clock = [second / 3600, (second / 60) % 60, second % 60].map((part) =>
      String(Math.floor(part)).padStart(2, "0")
    )
    const tag = `Nov 20 ${clock.join(":")} dnsmasq-dhcp[23042]:`
    const mac = `02:00:${hex(n >> 24)}:${hex(n >> 16)}:${hex(n >> 8)}:${hex(n)}`
    const ip = `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`
    lines.push(
      `${tag} DHCPDISCOVER(br-lan) ${mac} `,
      `${tag} DHCPOFFER(br-lan) ${ip} ${mac} `,
      `${tag} DHCPREQUEST(br-lan) ${ip} ${mac} `,
      `${tag} DHCPACK(br-lan) ${ip} ${mac} client-${n}`
    )
  }
  return Buffer.from(`${lines.join("\n")}\n`)
}

const rate = (perSecond: number) => `${Math.round(perSecond).toLocaleString("en")}/s`

export async function ingestRows(): Promise<ReadonlyArray<BenchRow>> {
  const directory = await mkdtemp(join(tmpdir(), "leasehold-bench-"))
  const nats = await startNats()
  const connection = await connect({ servers: nats.url, noAsyncTraces: true })
  try {
    const manager = await jetstreamManager(connection)
    const path = join(directory, "dnsmasq.log")
    const bytes = makeLog()
    await writeFile(path, bytes)
    const log = makeLogEvents({ server, path, zone: "UTC", state: undefined })
    const { events } = log.read({ _tag: "Lines", source: "bench", offset: 0, bytes }, Date.now())
    if (events.length !== count) throw new Error(`${events.length} events of ${count} lines`)

    const freshStream = async () => {
      await manager.streams.delete(DHCP.name).catch(() => false)
      await manager.streams.add({
        name: DHCP.name,
        subjects: [...DHCP.subjects],
        max_age: nanos(DHCP.maxAgeDays * 86_400_000),
        max_msg_size: DHCP.maxMessageSize,
        duplicate_window: nanos(DHCP.duplicateWindowMinutes * 60_000)
      })
    }
    const perSecond = async () => {
      const { state } = await manager.streams.info(DHCP.name)
      if (state.messages !== count) throw new Error(`${state.messages} messages of ${count}`)
      return count / ((Date.parse(state.last_ts) - Date.parse(state.first_ts)) / 1000)
    }

    const bodies = events.map((event) => [eventSubject(server, event.kind), encodeBody(event), event.id] as const)
    const client = jetstream(connection)
    const publishBare = async (window: number) => {
      await freshStream()
      let next = 0
      const publisher = async () => {
        for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
          const [subject, data, msgID] = body
          await client.publish(subject, data, { msgID })
        }
      }
      await Promise.all(Array.from({ length: window }, publisher))
      return perSecond()
    }

    const state = join(directory, "state")
    const ingest = async () => {
      await freshStream()
      // The checkpoint goes, what was compiled stays.
      for (const name of await readdir(state).catch(() => [])) {
        if (name.endsWith(".json")) await rm(join(state, name))
      }
      const child = spawn(process.execPath, [main], {
        stdio: ["ignore", "ignore", "inherit"],
        env: {
          PATH: process.env["PATH"],
          NATS_SERVERS: nats.url,
          INGEST_SERVER: server,
          INGEST_LOG_FILES: path,
          INGEST_ZONE: "UTC",
          INGEST_STATE_DIRECTORY: state
        }
      })
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
      try {
        for (let left = 600; left > 0; left--) {
          const { state } = await manager.streams.info(DHCP.name)
          if (state.messages === count || child.exitCode !== null) break
          await sleep(100)
        }
        const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "")
        return { perSecond: await perSecond(), peakKiB: Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) }
      } finally {
        child.kill("SIGTERM")
        await ended
      }
    }

    const bare: Array<readonly [perSecond: number, window: number]> = []
    const ours: Array<Awaited<ReturnType<typeof ingest>>> = []
    for (let round = 0; round < rounds; round++) {
      for (const window of windows) bare.push([await publishBare(window), window])
      ours.push(await ingest())
    }
    const [limit, window] = bare.reduce((best, one) => one[0] > best[0] ? one : best, [0, 0] as const)
    const best = Math.max(...ours.map((one) => one.perSecond))
    // The very first start compiles everything, which takes more memory than any later one.
    const megabytes = ours.map(({ peakKiB }) => peakKiB * 1024 / 1e6)
    const peak = Math.max(...megabytes.slice(1))
    return [
      {
        what: "ingest: lines to acknowledged messages",
        ours: rate(best),
        limit: `${rate(limit)} (bare client, window ${window})`,
        ratio: best / limit,
        reach: "≥ 0.8",
        met: best / limit >= 0.8,
        note: `${count.toLocaleString("en")} lines of DHCP; the best of ${rounds} rounds each`
      },
      {
        what: "ingest: memory at its peak",
        ours: `${Math.round(peak)} MB`,
        limit: "120 MB",
        ratio: peak / 120,
        reach: "≤ 120 MB",
        met: peak <= 120,
        note: `resident, at the highest moment, by round: ${
          megabytes.map(Math.round).join(", ")
        }; the first start compiles`
      }
    ]
  } finally {
    await connection.close()
    await nats.stop()
    await rm(directory, { recursive: true, force: true })
  }
}
