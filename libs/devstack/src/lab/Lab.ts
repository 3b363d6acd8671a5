/**
 * A network of its own with a real dnsmasq and real DHCP clients, inside private namespaces.
 *
 * Nothing of the machine's network is seen or changed. Several labs run at once. When the process that made a lab ends,
 * however that comes about, every process and namespace of the lab ends and its directory is removed.
 */
import { existsSync } from "node:fs"
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { scratchDirectory } from "../ScratchDirectory.ts"
import { run } from "./command.ts"
import { type Dnsmasq, dnsmasqConf, type DnsmasqSettings } from "./dnsmasqConf.ts"
import { type LabClient, type LabClientOptions, openClient } from "./LabClient.ts"
import { plugIn } from "./Machine.ts"
import { openRawSender, type RawSender } from "./RawSender.ts"
import { namespaces } from "./support.ts"

export interface Lab extends Dnsmasq {
  /** A shell command that restarts this dnsmasq, and exits with another status than 0 when the new one did not start. */
  readonly restartCommand: string
  /** Writes the main configuration again with other settings; dnsmasq reads it when it is started. */
  writeConf(settings: DnsmasqSettings): Promise<void>
  /** Fails with dnsmasq's own words when it does not start. */
  startDnsmasq(): Promise<{ readonly pid: number }>
  stopDnsmasq(): Promise<void>
  restartDnsmasq(): Promise<{ readonly pid: number }>
  /** Makes dnsmasq read the hosts directory again (SIGHUP). */
  hup(): Promise<void>
  /** Ends dnsmasq as a crash does (SIGKILL). */
  killDnsmasq(): Promise<void>
  /** Restarts dnsmasq without the leases that it knew. */
  forgetLeases(): Promise<void>
  /** The whole log, or nothing yet. */
  log(): Promise<string>
  /** Waits for a line that matches, and returns it. */
  logged(pattern: RegExp, options?: { readonly withinMs?: number }): Promise<string>
  /** A machine with the real `udhcpc`, on a cable of its own. */
  client(name: string, options: LabClientOptions): Promise<LabClient>
  /** A machine that sends any DHCP packet, as any MAC. */
  raw(): Promise<RawSender>
  stop(): Promise<void>
}

const control = fileURLToPath(new URL("control.sh", import.meta.url))
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

export async function startLab(settings: DnsmasqSettings = {}): Promise<Lab> {
  const { enter, make } = namespaces()
  const network = "ip link set lo up && ip link add br-lan type bridge && ip addr add 10.99.0.1/16 dev br-lan"
    + " && ip link set br-lan up && echo ready && exec sleep infinity"
  const scratch = await scratchDirectory("lab", [...make, "sh", "-c", `PATH=$PATH:/usr/sbin:/sbin; ${network}`])
  const dir = scratch.path
  const inServer = enter(scratch.holder)
  const files: Dnsmasq = {
    dir,
    confFile: join(dir, "dnsmasq.conf"),
    confDir: join(dir, "conf.d"),
    hostsDir: join(dir, "hosts"),
    pidFile: join(dir, "dnsmasq.pid"),
    logFile: join(dir, "dnsmasq.log"),
    leaseFile: join(dir, "dnsmasq.leases")
  }
  const pid = async () => Number(await readFile(files.pidFile, "utf8"))
  const log = () => readFile(files.logFile, "utf8").catch(() => "")
  const ask = (verb: string) => run(["sh", control, dir, verb])
  const startDnsmasq = async () => {
    await ask("start")
    return { pid: await pid() }
  }
  const writeConf = (changed: DnsmasqSettings) => writeFile(files.confFile, dnsmasqConf(files, changed))
  let machines = 0
  let senders = 0
  const machine = (mac?: string) => plugIn({ server: inServer, enter, number: ++machines, mac })
  const lab: Lab = {
    ...files,
    restartCommand: `sh ${quoted(control)} ${quoted(dir)} restart`,
    writeConf,
    startDnsmasq,
    stopDnsmasq: async () => void await ask("stop"),
    restartDnsmasq: async () => {
      await ask("restart")
      return { pid: await pid() }
    },
    hup: async () => void process.kill(await pid(), "SIGHUP"),
    killDnsmasq: async () => {
      const victim = await pid()
      process.kill(victim, "SIGKILL")
      // Dead is also what only waits to be reaped, and has no `exe` any more.
      while (existsSync(`/proc/${victim}/exe`)) await sleep(5)
    },
    forgetLeases: async () => {
      await ask("stop")
      await rm(files.leaseFile, { force: true })
      await ask("start")
    },
    log,
    logged: async (pattern, { withinMs = 30_000 } = {}) => {
      const end = Date.now() + withinMs
      for (;;) {
        const text = await log()
        const found = text.split("\n").find((line) => pattern.test(line))
        if (found !== undefined) return found
        if (Date.now() > end)
          throw new Error(`dnsmasq did not log ${pattern} within ${withinMs} ms:\n${text.slice(-4_000)}`)
        await sleep(10)
      }
    },
    client: async (name, options) => openClient(name, await machine(options.mac), options),
    raw: async () => openRawSender(await machine(), `10.99.255.${255 - ++senders}`),
    stop: () => scratch.remove()
  }
  try {
    await Promise.all([mkdir(files.confDir), mkdir(files.hostsDir)])
    await writeFile(join(dir, ".holder"), String(scratch.holder))
    await writeFile(join(dir, ".enter"), inServer.join(" "))
    await writeConf(settings)
    return lab
  } catch (error) {
    await lab.stop()
    throw error
  }
}
