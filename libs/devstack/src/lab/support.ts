/**
 * Whether a lab can be made on this machine: the programs are there, and the kernel permits the namespaces.
 *
 * A user namespace serves root and ordinary users alike; root falls back to namespaces without one.
 */
import { spawnSync } from "node:child_process"
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import { labEnvironment } from "./command.ts"

export type LabSupport =
  | { readonly available: true }
  | { readonly available: false; readonly reason: string; readonly remedy: string }

const programs = {
  dnsmasq: "dnsmasq-base",
  udhcpc: "udhcpc",
  ip: "iproute2",
  unshare: "util-linux",
  nsenter: "util-linux",
  flock: "util-linux"
}

/** How to come by namespaces (`unshare` …) and how to get into them (`nsenter` …). */
export interface Namespaces {
  readonly make: ReadonlyArray<string>
  readonly enter: (pid: number) => ReadonlyArray<string>
}

const withUser: Namespaces = {
  make: ["unshare", "--user", "--map-root-user", "--net", "--mount", "--"],
  enter: (pid) => ["nsenter", `--target=${pid}`, "--user", "--preserve-credentials", "--net", "--mount", "--"]
}
const withoutUser: Namespaces = {
  make: ["unshare", "--net", "--mount", "--"],
  enter: (pid) => ["nsenter", `--target=${pid}`, "--net", "--mount", "--"]
}

const trial = "ip link add br-trial type bridge && ip link add trial0 type veth peer name trial1"

type Known = { readonly namespaces: Namespaces } | { readonly reason: string; readonly remedy: string }
let known: Known | undefined

const find = (): Known => {
  if (process.platform !== "linux")
    return { reason: "network namespaces exist only on Linux", remedy: "run it on Linux" }
  const missing = Object.keys(programs).filter((program) => !isThere(program))
  if (missing.length > 0) {
    const names = new Set(
      Object.entries(programs).flatMap(([program, name]) => missing.includes(program) ? [name] : [])
    )
    return {
      reason: `missing: ${missing.join(", ")}`,
      remedy: `on Debian: apt-get install --no-install-recommends ${[...names].join(" ")}`
    }
  }
  const refusals: Array<string> = []
  for (const namespaces of process.getuid?.() === 0 ? [withUser, withoutUser] : [withUser]) {
    const [file = "", ...args] = [...namespaces.make, "sh", "-c", trial]
    const done = spawnSync(file, args, { env: labEnvironment(), encoding: "utf8" })
    if (done.status === 0) return { namespaces }
    refusals.push(done.stderr.trim())
  }
  return {
    reason: `network namespaces are not permitted here (${refusals.join("; ")})`,
    remedy: "run as root, or permit user namespaces (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu "
      + "kernel.apparmor_restrict_unprivileged_userns=0), in a container with --privileged"
  }
}

const isThere = (program: string): boolean =>
  (labEnvironment()["PATH"] ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** Looked at once per process; tens of milliseconds. */
export const labSupport = (): LabSupport => {
  known ??= find()
  return "namespaces" in known ? { available: true } : { available: false, reason: known.reason, remedy: known.remedy }
}

export const namespaces = (): Namespaces => {
  known ??= find()
  if ("namespaces" in known) return known.namespaces
  throw new Error(`no lab here: ${known.reason}; ${known.remedy}`)
}
