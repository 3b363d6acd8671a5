/**
 * The demonstration where no dnsmasq can run: a captured log is written out again, a few lines a second, with the times
 * of today. Nothing is rendered, because there is no dnsmasq that could use it.
 */
import { appendFile, mkdir, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { Demonstration } from "./demonstration.ts"

const captured = new URL("captured.log", import.meta.url)

/** Milliseconds between two messages. */
const pace = 400

/** `Nov 22 03:47:52`, as dnsmasq writes it: local time, the day padded with a blank. */
const stamp = (date: Date): string => {
  const [, month = "", day = "", , time = ""] = date.toString().split(" ")
  return `${month} ${String(Number(day)).padStart(2, " ")} ${time}`
}

export async function replayCapture(data: string, why: string): Promise<Demonstration> {
  const directory = join(data, "replay")
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  const logFile = join(directory, "dnsmasq.log")
  const lines = (await readFile(captured, "utf8")).split("\n").filter((line) => line !== "")
  let stopped = false
  return {
    title: "Leasehold: a demonstration with a captured log (no dnsmasq runs)",
    followed: { type: "followed", server: "demo", logFiles: [logFile], subnets: ["10.99.0.0/24"] },
    run: async (world) => {
      world.tell(`a captured log is replayed, ${why}`, "story")
      for (const line of lines) {
        if (stopped) return
        await appendFile(logFile, `${stamp(new Date())}${line.slice(15)}\n`)
        // What log-dhcp adds belongs to the message before it.
        if (/: (\d+ )?DHCP[A-Z]+\(/u.test(line)) await sleep(pace)
      }
      world.tell("the captured log is at its end; try the commands below", "story")
    },
    stop: () => {
      stopped = true
      return Promise.resolve()
    }
  }
}
