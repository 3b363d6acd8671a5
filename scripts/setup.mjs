/**
 * Installs the Debian packages that the real dnsmasq and its DHCP clients need, when root on Debian or Ubuntu.
 *
 * Otherwise it says what is missing, what is left out because of it, and the command to install it. It starts no system
 * service (`dnsmasq-base` is dnsmasq without its service), upgrades nothing, and never fails. All output goes to stderr.
 */
import { spawnSync } from "node:child_process"
import { accessSync, constants, readFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"

const packages = [
  { name: "dnsmasq-base", programs: ["dnsmasq"] },
  { name: "udhcpc", programs: ["udhcpc"] },
  { name: "iproute2", programs: ["ip"] },
  { name: "util-linux", programs: ["unshare", "nsenter", "setpriv", "flock"] }
]

// The path of an ordinary user does not lead to the programs of the administrator.
const systemPath = [process.env.PATH, "/usr/sbin", "/sbin", "/usr/bin", "/bin"].filter(Boolean).join(delimiter)

/**
 * @param {{ path?: string, uid?: number, osRelease?: string }} [machine] what to take this machine for
 * @returns {{ missing: ReadonlyArray<string> }} the programs that are still missing
 */
export function ensurePackages(machine = {}) {
  const path = machine.path ?? systemPath
  const uid = machine.uid ?? process.getuid?.()
  const wanted = packages.filter((one) => !one.programs.every((program) => isOn(path, program)))
  if (wanted.length === 0 || process.platform !== "linux") return { missing: programsOf(wanted) }
  const debian = isOn(path, "apt-get") && isDebian(machine.osRelease)
  const names = wanted.map((one) => one.name)
  if (debian && uid === 0) {
    log(`installing ${names.join(", ")} with apt-get`)
    install(path, names)
  }
  const missing = packages.flatMap((one) => one.programs.filter((program) => !isOn(path, program)))
  if (missing.length > 0) {
    log(`missing: ${missing.join(", ")}`)
    log(
      "skipped because of it: every test with a real dnsmasq and real DHCP clients; the demonstration of npm start replays a captured log"
    )
    log(
      `to have them: ${
        debian
          ? `${uid === 0 ? "" : "sudo "}apt-get install --no-install-recommends ${names.join(" ")}`
          : "install dnsmasq, udhcpc (of busybox), iproute2 and util-linux with this system's package manager"
      }`
    )
  }
  return { missing }
}

const log = (text) => process.stderr.write(`[setup] ${text}\n`)

const programsOf = (some) => some.flatMap((one) => one.programs)

const isOn = (path, program) =>
  path.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

function isDebian(given) {
  try {
    return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(given ?? readFileSync("/etc/os-release", "utf8"))
  } catch {
    return false
  }
}

/** The package lists are fetched only when the packages cannot be installed from those that are there. */
function install(path, names) {
  const args = ["install", "--yes", "--no-install-recommends", "--no-upgrade", ...names]
  if (aptGet(path, args) === 0) return
  log("fetching the package lists")
  aptGet(path, ["update"])
  const status = aptGet(path, args)
  if (status !== 0) log(`apt-get install failed (status ${status})`)
}

function aptGet(path, args) {
  const quiet = [
    "--quiet=2",
    "-o",
    "DPkg::Lock::Timeout=120",
    "-o",
    "Acquire::Retries=1",
    "-o",
    "Acquire::http::Timeout=30",
    "-o",
    "Dpkg::Use-Pty=0"
  ]
  const done = spawnSync("apt-get", [...quiet, ...args], {
    env: { ...process.env, PATH: path, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    timeout: 600_000
  })
  for (const line of `${done.stdout ?? ""}${done.stderr ?? ""}`.split("\n")) if (line.trim() !== "") log(line)
  return done.status
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ensurePackages()
