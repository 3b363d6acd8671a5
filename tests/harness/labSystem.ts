/** The whole system beside a lab: apps that follow the lab's dnsmasq and write its file, in either mode. */
import type { Lab } from "@leasehold/devstack/lab"
import { eventuallyHolds } from "@leasehold/devstack/test"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { startSystem, type System } from "./System.ts"

export type Mode = "conf" | "hosts"

export interface LabSystem extends System {
  /** The file that dnsmasq reads, as it is now. */
  file(): Promise<string>
  /** Waits until dnsmasq uses everything that PostgreSQL wants it to. */
  applied(): Promise<void>
}

export const confFileOf = (lab: Lab): string => join(lab.confDir, "01-leasehold.conf")

export async function startLabSystem(lab: Lab, mode: Mode): Promise<LabSystem> {
  const system = await startSystem({
    type: "followed",
    server: "lab",
    logFiles: [lab.logFile],
    subnets: ["10.99.0.0/24"],
    zone: "UTC",
    target: mode === "conf"
      ? { file: { mode, path: confFileOf(lab) }, activate: lab.restartCommand, pidFile: lab.pidFile }
      : { file: { mode, path: lab.hostsDir }, pidFile: lab.pidFile }
  }, { renderer: { RENDERER_RESTART_INTERVAL: "100 millis" } })
  return {
    ...system,
    file: async () => {
      if (mode === "conf") return readFile(confFileOf(lab), "utf8").catch(() => "")
      const names = (await readdir(lab.hostsDir)).filter((name) => !name.startsWith(".")).toSorted()
      return readFile(join(lab.hostsDir, names.at(-1) ?? ""), "utf8").catch(() => "")
    },
    applied: async () => {
      await isApplied(system)
    }
  }
}

/** Waits until the only dnsmasq uses what is wanted; what the apps had to say is in the error. */
export const isApplied = (system: System, limit?: number) =>
  eventuallyHolds(
    "dnsmasq uses what is wanted",
    async () => {
      const [row] = await system.query<{ readonly result: string; readonly applied: string; readonly wanted: string }>(
        "SELECT result, applied_generation AS applied, wanted_generation AS wanted FROM dhcp_servers"
      )
      return { ...row, heeded: system.heeded().slice(-1_500) }
    },
    ({ applied, result, wanted }) => result === "applied" && applied === wanted,
    limit
  )

/** The line of a MAC in the file, without the prefix of conf files. */
export const lineOf = (file: string, mac: string): string | undefined =>
  file.split("\n").map((line) => line.replace(/^dhcp-host=/u, "")).find((line) => line.toLowerCase().startsWith(mac))
