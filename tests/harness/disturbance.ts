/**
 * The test of all promises at once: a steady stream of events while parts of the system are killed at random moments.
 *
 * Every event must be in the registry exactly once in effect, the file whole at every instant, and the end as if nothing
 * had happened.
 */
import { type Lab, startLab } from "@leasehold/devstack/lab"
import { eventuallyHolds } from "@leasehold/devstack/test"
import { jetstreamManager } from "@nats-io/jetstream"
import { spawnSync } from "node:child_process"
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { assert } from "vitest"
import { confFileOf, isApplied } from "./labSystem.ts"
import { busyLog, randomness, stateOf } from "./stream.ts"
import { startSystem, type System } from "./System.ts"

const parts = ["ingest", "registry", "renderer", "nats", "postgres"] as const

export interface Disturbance {
  readonly events: number
  readonly systems: number
  /** How often each part is killed. */
  readonly rounds: number
  readonly eventsPerSecond: number
  readonly seed: number
}

const subnets = ["10.99.0.0/16"]

export async function survive(disturbance: Disturbance): Promise<void> {
  const lines = busyLog(disturbance)
  const undisturbed = await stateAfter(lines)
  const lab = await startLab({ range: "10.99.0.0,static,255.255.0.0,1h" })
  try {
    await lab.startDnsmasq()
    await disturbed(disturbance, lines, lab, undisturbed)
  } finally {
    await lab.stop()
  }
}

/** The state after the whole log was read by a system that nobody disturbs. */
async function stateAfter(lines: ReadonlyArray<string>): Promise<Awaited<ReturnType<typeof stateOf>>> {
  const directory = await mkdtemp(join(tmpdir(), "leasehold-stream-"))
  const logFile = join(directory, "dnsmasq.log")
  const system = await startSystem({ type: "followed", server: "lab", logFiles: [logFile], subnets, zone: "UTC" })
  try {
    await writeFile(logFile, lines.map((line) => `${line}\n`).join(""))
    await settled(system, lines.length)
    return await stateOf(system)
  } finally {
    await system.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

/** All events are in the stream, and none of them is waiting to be applied. */
const settled = (system: System, events: number) =>
  eventuallyHolds(
    `all ${events} events are applied`,
    async () => {
      const streams = await jetstreamManager(system.nats)
      const { state } = await streams.streams.info("DHCP")
      const { num_ack_pending, num_pending } = await streams.consumers.info("DHCP", "registry")
      return {
        published: state.messages,
        waiting: num_pending + num_ack_pending,
        heeded: system.heeded().slice(-1_500)
      }
    },
    ({ published, waiting }) => published >= events && waiting === 0,
    120_000
  )

async function disturbed(
  disturbance: Disturbance,
  lines: ReadonlyArray<string>,
  lab: Lab,
  undisturbed: Awaited<ReturnType<typeof stateOf>>
): Promise<void> {
  const target = confFileOf(lab)
  const logFile = join(lab.dir, "stream.log")
  const system = await startSystem({
    type: "followed",
    server: "lab",
    logFiles: [logFile],
    subnets,
    zone: "UTC",
    target: { file: { mode: "conf", path: target }, activate: lab.restartCommand, pidFile: lab.pidFile }
  }, { renderer: { RENDERER_RESTART_INTERVAL: "500 millis" } })
  let over = false
  try {
    const watched = watchFile(target, () => over)
    const writing = write(logFile, lines, disturbance.eventsPerSecond)
    await Promise.all([writing, killEach(system, disturbance, lines.length / disturbance.eventsPerSecond)])
    await settled(system, lines.length)
    await isApplied(system, 60_000)
    over = true
    const looks = await watched
    assert.isAbove(looks.different, 1, "the file never changed")
    assert.deepStrictEqual(looks.torn, [])
    const state = await stateOf(system)
    for (const [table, rows] of Object.entries(undisturbed)) assert.deepStrictEqual(state[table], rows, table)
    assert.strictEqual(
      (await readFile(target, "utf8")).split("\n").filter((line) => line.startsWith("dhcp-host=")).length,
      undisturbed["reservations"]?.length
    )
    assert.strictEqual(
      spawnSync("dnsmasq", ["--test", "-C", target], { env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` } })
        .status,
      0
    )
  } finally {
    over = true
    await system.stop()
  }
}

async function write(logFile: string, lines: ReadonlyArray<string>, perSecond: number): Promise<void> {
  const start = performance.now()
  for (let done = 0; done < lines.length;) {
    const due = Math.min(lines.length, Math.ceil(((performance.now() - start) / 1000) * perSecond))
    await appendFile(logFile, lines.slice(done, due).map((line) => `${line}\n`).join(""))
    done = due
    await sleep(10)
  }
}

/** Each part is killed `rounds` times, at moments spread over the stream; a killed server comes back after a while. */
async function killEach(system: System, disturbance: Disturbance, seconds: number): Promise<void> {
  const random = randomness(disturbance.seed + 1)
  const kills = parts.flatMap((part) =>
    Array.from(
      { length: disturbance.rounds },
      () => ({ part, at: (0.05 + 0.9 * random()) * seconds * 1000, away: 200 + random() * 1500 })
    )
  )
  const start = performance.now()
  // One server's kills follow each other; different parts may be away at the same time.
  await Promise.all(parts.map(async (part) => {
    for (const kill of kills.filter((one) => one.part === part).toSorted((a, b) => a.at - b.at)) {
      await sleep(Math.max(0, kill.at - (performance.now() - start)))
      await system.kill(part)
      if (part !== "nats" && part !== "postgres") continue
      await sleep(kill.away)
      await system.revive(part)
    }
  }))
}

interface Looks {
  readonly different: number
  readonly torn: ReadonlyArray<string>
}

/** Reads the file over and over: at each instant it is whole, line for line. */
async function watchFile(path: string, over: () => boolean): Promise<Looks> {
  const torn = new Set<string>()
  let different = 0
  let before = ""
  while (!over()) {
    const text = await readFile(path, "utf8").catch(() => before)
    if (text !== before) {
      different++
      const bad = text.split("\n").slice(0, -1).find((line) =>
        !/^(#.*|dhcp-host=([0-9A-F]{2}:){5}[0-9A-F]{2},10\.99\.\d+\.\d+,[a-z0-9-]+)$/u.test(line)
      )
      if (bad !== undefined || !text.endsWith("\n")) torn.add(bad ?? text.slice(-80))
    }
    before = text
    await sleep(3)
  }
  return { different, torn: [...torn] }
}
