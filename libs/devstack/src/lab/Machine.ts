/** A machine of a lab: a network namespace of its own, with one cable into the lab's bridge. */
import { spawn } from "node:child_process"
import { labEnvironment, run } from "./command.ts"

export interface Machine {
  /** From 1 in each lab. */
  readonly number: number
  /** What a command is prefixed with to run on this machine. */
  readonly on: ReadonlyArray<string>
  /** Takes the machine away; what runs on it has to be ended before. */
  unplug(): Promise<void>
}

export async function plugIn(lab: {
  readonly server: ReadonlyArray<string>
  readonly enter: (pid: number) => ReadonlyArray<string>
  readonly number: number
  readonly mac: string | undefined
}): Promise<Machine> {
  const [file = "", ...args] = [...lab.server, "unshare", "--net", "--", "sh", "-c", "echo ready; exec sleep infinity"]
  const holder = spawn(file, args, { env: labEnvironment(), stdio: ["ignore", "pipe", "inherit"], detached: true })
  await new Promise<void>((resolve, reject) => {
    holder.once("error", reject)
    holder.once("exit", () => reject(new Error("no network namespace for a machine of the lab")))
    holder.stdout.once("data", resolve)
  })
  holder.stdout.destroy()
  holder.unref()
  const pid = holder.pid ?? 0
  const on = lab.enter(pid)
  const port = `m${lab.number}`
  await run(
    [...lab.server, "ip", "-batch", "-"],
    [
      `link add ${port} type veth peer name eth0 netns ${pid}`,
      `link set ${port} master br-lan`,
      `link set ${port} up`,
      ""
    ].join("\n")
  )
  await run(
    [...on, "ip", "-batch", "-"],
    [
      "link set lo up",
      ...(lab.mac === undefined ? [] : [`link set eth0 address ${lab.mac}`]),
      "link set eth0 up",
      ""
    ].join("\n")
  )
  return {
    number: lab.number,
    on,
    unplug: async () => {
      const gone = new Promise((resolve) => holder.once("exit", resolve))
      holder.ref()
      if (holder.exitCode === null && holder.signalCode === null && holder.kill("SIGKILL")) await gone
      await run([...lab.server, "ip", "link", "delete", port]).catch(() => undefined)
    }
  }
}
