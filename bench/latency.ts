/**
 * How long a line of the log takes until a subscriber of `DISCOVERY` sees what came of it, at 1,000 events a second.
 *
 * The apps run as processes of their own on durable servers. Every line is an ACK for a new system, so that each leads to a
 * fact; the clock starts when the line is handed to the file.
 */
import { eventually, eventuallyHolds } from "@leasehold/devstack/test"
import { allDiscoveries } from "@leasehold/events"
import { appendFile, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { startSystem } from "../tests/harness/System.ts"
import { stampOf } from "../tests/harness/stream.ts"
import type { BenchRow } from "./BenchRow.ts"

const perSecond = 1_000
const seconds = 15
/** The first of them find cold code and an empty database. */
const warmUp = 3_000

const hex = (value: number) => value.toString(16).padStart(2, "0")
const macOf = (n: number) => `00:16:3e:${hex((n >> 16) & 255)}:${hex((n >> 8) & 255)}:${hex(n & 255)}`
const addressOf = (n: number) => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`

const quantile = (sorted: ReadonlyArray<number>, q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN

export async function latencyRows(): Promise<ReadonlyArray<BenchRow>> {
  const directory = await mkdtemp(join(tmpdir(), "leasehold-latency-"))
  const logFile = join(directory, "dnsmasq.log")
  const system = await startSystem({
    type: "followed",
    server: "lab",
    logFiles: [logFile],
    subnets: ["10.0.0.0/8:manual"],
    zone: "UTC"
  })
  try {
    const sent = new Map<string, number>()
    const took: Array<number> = []
    const subscription = system.nats.subscribe(allDiscoveries, {
      callback: (_, message) => {
        const [, , , verb, mac = ""] = message.subject.split(".")
        const at = verb === "discovered" ? sent.get(mac) : undefined
        if (at === undefined) return
        took.push(performance.now() - at)
        sent.delete(mac)
      }
    })
    await system.nats.flush()
    await eventually("the registry is up", async () => (await system.query("SELECT 1 FROM subnets"))[0], 30_000)
    const start = performance.now()
    const total = perSecond * seconds
    for (let n = 0; n < total;) {
      const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * perSecond))
      let text = ""
      const stamp = stampOf(new Date())
      const now = performance.now()
      for (; n < due; n++) {
        sent.set(macOf(n), now)
        text += `${stamp} dnsmasq-dhcp[4711]: DHCPACK(br-lan) ${addressOf(n + 256)} ${macOf(n)} host-of-${n}\n`
      }
      if (text !== "") await appendFile(logFile, text)
      await sleep(2)
    }
    await eventuallyHolds("every system was discovered", () => sent.size, (left) => left === 0, 60_000)
    subscription.unsubscribe()
    const measured = took.slice(warmUp).toSorted((a, b) => a - b)
    const [p50, p99] = [quantile(measured, 0.5), quantile(measured, 0.99)]
    return [{
      what: "log line → DISCOVERY subscriber at 1,000 events/s",
      ours: `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
      limit: "p50 25 ms, p99 100 ms",
      ratio: Math.max(p50 / 25, p99 / 100),
      reach: "≤ 1",
      met: p50 <= 25 && p99 <= 100,
      note: `${measured.length} events, the slowest took ${(measured.at(-1) ?? 0).toFixed(0)} ms`
    }]
  } finally {
    await system.stop()
    await rm(directory, { recursive: true, force: true })
  }
}
