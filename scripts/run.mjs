/**
 * Runs a command of this workspace under Node 24 with the dependencies in place.
 *
 * Plain JavaScript without dependencies: it has to run on whatever Node (20 or newer) the machine has. Node 24 comes
 * from the npm registry into `.tools/`; `npm ci` then runs under it, because an older npm leaves out optional packages
 * whose `engines` it does not meet without a word. All of its own output goes to stderr.
 */
import { spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { closeSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const wantedMajor = 24
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const log = (text) => process.stderr.write(`[setup] ${text}\n`)
const fail = (text) => {
  log(text)
  process.exit(1)
}

const stampOf = (directory) => join(directory, "node_modules", ".setup-stamp")
const lockHash = (directory) =>
  createHash("sha256").update(readFileSync(join(directory, "package-lock.json"))).digest("hex")
const installed = (directory) => {
  try {
    return readFileSync(stampOf(directory), "utf8") === lockHash(directory)
  } catch {
    return false
  }
}

const environment = (node) => {
  const env = {
    ...process.env,
    PATH: [dirname(node), join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter)
  }
  for (const key of Object.keys(env))
    if (/^npm_(lifecycle|package|command|node_execpath|config_local_prefix)/.test(key)) delete env[key]
  return { ...env, npm_config_loglevel: "error" }
}

function install(directory, node) {
  const npmCli = process.env.npm_execpath
  const [file, args] = npmCli && /\.c?js$/.test(npmCli) ? [node, [npmCli, "ci"]] : ["npm", ["ci"]]
  const done = spawnSync(file, args, { cwd: directory, env: environment(node), stdio: ["ignore", 2, 2] })
  if (done.status !== 0) fail(`npm ci failed in ${directory}`)
}

/** Two commands started at once in one clone take turns: the lock is a file that names its holder's process id. */
function withLock(action) {
  const lock = join(root, ".tools", ".setup-lock")
  const end = Date.now() + 300_000
  for (;;) {
    try {
      const fd = openSync(lock, "wx")
      writeSync(fd, String(process.pid))
      closeSync(fd)
      break
    } catch (error) {
      if (error.code !== "EEXIST") fail(`cannot write ${lock}: ${error.message}`)
      if (holderIsGone(lock)) rmSync(lock, { force: true })
      else if (Date.now() > end) fail(`another set-up holds ${lock}`)
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
    }
  }
  try {
    action()
  } finally {
    rmSync(lock, { force: true })
  }
}

function holderIsGone(lock) {
  try {
    const pid = Number(readFileSync(lock, "utf8"))
    if (pid === 0) return Date.now() - statSync(lock).mtimeMs > 5_000
    process.kill(pid, 0)
    return false
  } catch (error) {
    return error.code === "ESRCH"
  }
}

const tools = join(root, ".tools")
const ownNode = Number(process.versions.node.split(".")[0]) >= wantedMajor
const node = ownNode
  ? process.execPath
  : join(
    tools,
    "node_modules",
    `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`,
    "bin",
    "node"
  )

if (!installed(root) || (!ownNode && !installed(tools))) {
  withLock(() => {
    if (!ownNode && !installed(tools)) {
      log(`this machine has Node ${process.versions.node}; getting Node ${wantedMajor} from the npm registry`)
      install(tools, process.execPath)
      if (spawnSync(node, ["--version"]).status !== 0)
        fail(`no Node ${wantedMajor} for ${process.platform}-${process.arch} in the npm registry: install it by hand`)
      writeFileSync(stampOf(tools), lockHash(tools))
    }
    if (!installed(root)) {
      log("installing dependencies")
      install(root, node)
      const patched = spawnSync(join(root, "node_modules", ".bin", "effect-tsgo"), ["patch"], {
        cwd: root,
        env: environment(node),
        stdio: ["ignore", "ignore", 2]
      })
      if (patched.status !== 0) log("the Effect checks of the type checker could not be enabled")
      writeFileSync(stampOf(root), lockHash(root))
    }
  })
}

const [command, ...args] = process.argv.slice(2)
const isScript = /\.m?[jt]s$/.test(command)
const child = spawn(
  isScript ? node : join(root, "node_modules", ".bin", command),
  isScript ? [join(root, command), ...args] : args,
  { stdio: "inherit", env: { ...environment(node), NX_DAEMON: "false" } }
)
// A terminal sends Ctrl-C to the whole group, so that the child has it already; anybody else sends it to this process alone.
process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"))
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal))
child.on("error", (error) => fail(`cannot start ${command}: ${error.message}`))
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : signal === "SIGTERM" ? 143 : 1)))
