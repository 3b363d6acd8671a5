/** `npm start` as a person uses it: as a process of its own, ended by Ctrl-C or worse. */
import { startNats } from "@leasehold/devstack"
import { describeLab } from "@leasehold/devstack/lab/test"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, assert, beforeEach, describe, it } from "vitest"

const root = new URL("../../", import.meta.url).pathname

let data: string
let running: Run | undefined
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "leasehold-up-"))
})
afterEach(async () => {
  running?.child.kill("SIGTERM")
  await running?.ended
  rmSync(data, { recursive: true, force: true })
})

interface Run {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  output(): string
  said(pattern: RegExp, limitMs?: number): Promise<string>
}

const start = (...args: ReadonlyArray<string>): Run => startWith({}, ...args)

function startWith(settings: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>): Run {
  const env: NodeJS.ProcessEnv = { ...process.env, LC_ALL: "C" }
  delete env["DATABASE_URL"]
  delete env["NATS_SERVERS"]
  Object.assign(env, settings)
  const child = spawn(process.execPath, ["scripts/run.mjs", "scripts/up.ts", "--data", data, ...args], {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "pipe"]
  })
  let text = ""
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk: string) => text += chunk)
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve))
  const run: Run = {
    child,
    ended,
    output: () => text,
    said: async (pattern, limitMs = 45_000) => {
      const end = Date.now() + limitMs
      while (Date.now() < end) {
        const found = pattern.exec(text)?.[0]
        if (found !== undefined) return found
        await sleep(50)
      }
      throw new Error(`not said within ${limitMs} ms: ${pattern}\n${text}`)
    }
  }
  running = run
  return run
}

const bus = async (settings: Readonly<Record<string, string>>, args: ReadonlyArray<string>) => {
  const child = spawn(process.execPath, ["scripts/bus.ts", ...args], {
    cwd: root,
    env: { ...process.env, ...settings },
    stdio: ["ignore", "pipe", "pipe"]
  })
  let said = ""
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk: string) => said += chunk)
  const [code] = await once(child, "close")
  return { code: Number(code), said }
}

/** Processes that have the data directory in their command line or environment. */
const ours = (): ReadonlyArray<string> =>
  readdirSync("/proc").filter((name) => /^\d+$/u.test(name) && Number(name) !== process.pid).flatMap((pid) => {
    try {
      const text = readFileSync(`/proc/${pid}/cmdline`, "utf8") + readFileSync(`/proc/${pid}/environ`, "utf8")
      return text.includes(data) ? [`${pid} ${text.slice(0, 200).replaceAll("\0", " ")}`] : []
    } catch {
      return []
    }
  })

const nobodyLeft = async () => {
  const end = Date.now() + 15_000
  while (Date.now() < end && ours().length > 0) await sleep(100)
  assert.deepStrictEqual(ours(), [])
}

describe("npm start", () => {
  it("replays a captured log where asked to, stops on Ctrl-C, and remembers what it learnt", async () => {
    const first = start("--replay", "--plain")
    await first.said(/a captured log is replayed/u)
    const [, name = ""] = /discovered (\S+) \(/u.exec(await first.said(/discovered \S+ \(/u)) ?? []
    first.child.kill("SIGINT")
    assert.strictEqual(await first.ended, 0, first.output())
    assert.match(first.output(), /Leasehold stopped\. [1-9]\d* systems? known/u)
    await nobodyLeft()

    const second = start("--replay", "--plain")
    await second.said(/a captured log is replayed/u)
    // Another system is, and facts come in the order of the log.
    await second.said(/discovered \S+ \(/u)
    second.child.kill("SIGINT")
    await second.ended
    assert.notInclude(second.output(), `discovered ${name} (`)
  }, 120_000)

  it("leaves nothing behind when it is killed", async () => {
    const run = start("--replay", "--plain")
    await run.said(/discovered/u)
    assert.isAbove(ours().length, 4)
    run.child.kill("SIGKILL")
    await nobodyLeft()
  })

  it("takes events for a dnsmasq that it follows, and says what it does not do", async () => {
    const log = join(data, "dnsmasq.log")
    writeFileSync(log, "Nov 22 03:47:52 dnsmasq-dhcp[1]: DHCPACK(eth0) 10.0.0.7 00:16:3e:00:00:01 nas\n")
    const run = start("--plain", "--log-file", log, "--server", "shop", "--subnet", "10.0.0.0/24")
    await run.said(/discovered nas \(00:16:3e:00:00:01\)/u)
    await run.said(/reserved 10\.0\.0\.7 for nas/u)
    await run.said(/no --conf given/u)
    await run.said(/dhcp\.v1\.event\.shop\.ack/u)
  })

  it("has the credentials that a NATS of others wants, as `npm run bus` has", async () => {
    const config = join(data, "nats.conf")
    writeFileSync(config, "authorization { user: app, password: secret }\n")
    const nats = await startNats({ config })
    try {
      const settings = { NATS_SERVERS: nats.url, NATS_USER: "app", NATS_PASSWORD: "secret" }
      const log = join(data, "dnsmasq.log")
      writeFileSync(log, "")
      const run = startWith(settings, "--plain", "--log-file", log, "--server", "shop", "--subnet", "10.0.0.0/24")
      await run.said(/no --conf given/u)
      const request = [
        "req",
        "dhcp.v1.inject.shop",
        "{\"kind\":\"ack\",\"mac\":\"52:54:00:12:34:57\",\"ip\":\"10.0.0.8\"}"
      ]
      const end = Date.now() + 45_000
      let asked = await bus(settings, request)
      while (asked.code !== 0 && Date.now() < end) asked = await bus(settings, request)
      assert.strictEqual(asked.code, 0, asked.said)
      await run.said(/discovered \S+ \(52:54:00:12:34:57\)/u)

      const stranger = await bus({ ...settings, NATS_PASSWORD: "guessed" }, request)
      assert.strictEqual(stranger.code, 1)
      assert.match(stranger.said, /Authorization Violation.*NATS_PASSWORD/u)
      run.child.kill("SIGINT")
      assert.strictEqual(await run.ended, 0, run.output())
    } finally {
      await nats.stop()
    }
  })

  it("says what is wrong with its options, and starts nothing", async () => {
    const run = start("--conf", "/etc/dnsmasq.d/01-leasehold.conf")
    assert.strictEqual(await run.ended, 1)
    assert.match(run.output(), /--conf needs --log-file/u)
  })
})

describeLab("the demonstration of npm start", () => {
  it("shows a system being discovered, reserved, and served its address by a real dnsmasq", async () => {
    const run = start("--plain")
    await run.said(/discovered nas \(00:16:3e:00:00:01\)/u)
    await run.said(/reserved 10\.99\.0\.1\d\d for nas/u)
    await run.said(/dnsmasq demo uses generation \d+: 1 in the file/u)
    await run.said(/nas got 10\.99\.0\.\d+ again: what PostgreSQL remembers, dnsmasq serves/u)
    await run.said(/nas renewed its lease and has 10\.99\.0\.50/u)
    assert.notInclude(run.output(), "discovered ignore")
    assert.notMatch(run.output(), /66:66:66:66:66:66\)/u)
    run.child.kill("SIGINT")
    assert.strictEqual(await run.ended, 0, run.output())
    await nobodyLeft()
  }, 150_000)
})
