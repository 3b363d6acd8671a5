/**
 * A DHCP client of a lab: the real `udhcpc`, running as it runs on a small device.
 *
 * It renews only when asked to, and it forgets what it knew each time it obtains an address.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { type Readable } from "node:stream"
import { fileURLToPath } from "node:url"
import { labEnvironment } from "./command.ts"
import { type Machine } from "./Machine.ts"

export interface LabClientOptions {
  readonly mac: string
  /** Option 12. */
  readonly hostname?: string
  /** Option 60. */
  readonly vendorClass?: string
  /** Option 81; not sent unless given. */
  readonly fqdn?: string
  /** More arguments for udhcpc. */
  readonly extra?: ReadonlyArray<string>
}

/** What the server gave, as udhcpc told its script; empty text where it gave nothing. */
export interface ClientLease {
  readonly ip: string
  readonly mask: string
  readonly router: string
  readonly hostname: string
  readonly domain: string
  readonly serverId: string
  readonly leaseSeconds: number
}

export interface LabClient {
  readonly name: string
  readonly mac: string
  /** Starts udhcpc anew and waits for an address; fails when there is none for it. */
  obtain(): Promise<ClientLease>
  /** Asks for more time; the answer may be another address, when the server refuses the present one. */
  renew(): Promise<ClientLease>
  /** Gives the address back. */
  release(): Promise<void>
  /** Ends udhcpc without a word to the server, as a machine that loses power. */
  vanish(): Promise<void>
  /** Ends udhcpc and takes the machine off the network. */
  remove(): Promise<void>
}

type Facts = Readonly<Record<string, string>>
const script = fileURLToPath(new URL("udhcpc.sh", import.meta.url))

export function openClient(name: string, machine: Machine, options: LabClientOptions): LabClient {
  const command = [
    ...machine.on,
    "udhcpc",
    "-fni",
    "eth0",
    "-t5",
    "-T1",
    "-A1",
    "-s",
    script,
    ...(options.hostname === undefined ? [] : ["-x", `hostname:${options.hostname}`]),
    ...(options.vendorClass === undefined ? [] : ["-V", options.vendorClass]),
    ...(options.fqdn === undefined ? [] : ["-F", options.fqdn]),
    ...(options.extra ?? [])
  ]
  let udhcpc: Udhcpc | undefined
  const vanish = async () => {
    await udhcpc?.end()
    udhcpc = undefined
  }
  const running = () => {
    if (udhcpc === undefined) throw new Error(`${name} has no address: obtain one first`)
    return udhcpc
  }
  return {
    name,
    mac: options.mac,
    obtain: async () => {
      await vanish()
      udhcpc = startUdhcpc(name, command)
      return leaseOf(await udhcpc.next(["bound"]))
    },
    renew: async () => {
      const answer = running().next(["renew", "bound"])
      running().signal("SIGUSR1")
      return leaseOf(await answer)
    },
    release: async () => {
      const done = running().next(["deconfig"])
      running().signal("SIGUSR2")
      await done
      await vanish()
    },
    vanish,
    remove: async () => {
      await vanish()
      await machine.unplug()
    }
  }
}

interface Udhcpc {
  /** The facts of the next event that has one of the names. */
  next(events: ReadonlyArray<string>): Promise<Facts>
  signal(signal: NodeJS.Signals): void
  end(): Promise<void>
}

function startUdhcpc(name: string, [file = "", ...args]: ReadonlyArray<string>): Udhcpc {
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(file, args, {
    env: labEnvironment(),
    stdio: ["ignore", "pipe", "pipe"]
  })
  const waiting = new Set<
    {
      readonly events: ReadonlyArray<string>
      readonly resolve: (facts: Facts) => void
      readonly reject: (error: Error) => void
    }
  >()
  let said = ""
  let facts: Record<string, string> = {}
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
  const fail = (why: string) => waiting.forEach(({ reject }) => reject(new Error(`${name}: ${why}\n${said}`)))
  child.once("error", (error) => fail(error.message))
  child.once("close", () => fail("udhcpc ended without an address"))
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => said = (said + chunk).slice(-4_000))
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line !== "end") {
      const at = line.indexOf("=")
      facts[line.slice(0, at)] = line.slice(at + 1)
      return
    }
    const told = facts
    facts = {}
    for (const one of waiting) {
      if (!one.events.includes(told["event"] ?? "")) continue
      waiting.delete(one)
      one.resolve(told)
    }
  })
  return {
    next: (events) =>
      new Promise<Facts>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`${name}: no ${events.join(" or ")} within 20 s\n${said}`)),
          20_000
        )
        const one = {
          events,
          resolve: (told: Facts) => {
            clearTimeout(timer)
            resolve(told)
          },
          reject: (error: Error) => {
            clearTimeout(timer)
            reject(error)
          }
        }
        waiting.add(one)
      }),
    signal: (signal) => void child.kill(signal),
    end: async () => {
      child.kill("SIGKILL")
      await ended
    }
  }
}

const leaseOf = (facts: Facts): ClientLease => ({
  ip: facts["ip"] ?? "",
  mask: facts["mask"] ?? "",
  router: facts["router"] ?? "",
  hostname: facts["hostname"] ?? "",
  domain: facts["domain"] ?? "",
  serverId: facts["serverid"] ?? "",
  leaseSeconds: Number(facts["lease"])
})
