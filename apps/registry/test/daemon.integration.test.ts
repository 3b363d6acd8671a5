import { freePort, type Nats, startNats } from "@leasehold/devstack"
import { eventually } from "@leasehold/devstack/test"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { type RegistryDatabase, registryDatabase } from "./registryDatabase.ts"
import { connectBus } from "./RunningRegistry.ts"

const main = new URL("../src/main.ts", import.meta.url).pathname
let nats: Nats
let database: RegistryDatabase
beforeAll(async () => {
  nats = await startNats()
  database = await registryDatabase()
})
afterAll(async () => {
  await database?.close()
  await nats?.stop()
})
const started: Array<ChildProcess> = []
afterEach(() => {
  started.splice(0).forEach((child) => child.kill("SIGKILL"))
})

const start = (env: Readonly<Record<string, string>>) => {
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, DATABASE_URL: database.url, NATS_SERVERS: nats.url, REGISTRY_API_PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  started.push(child)
  let output = ""
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    output += String(chunk)
  })
  return {
    child,
    logs: () =>
      output.split("\n").filter((line) => line !== "").map((line): Record<string, unknown> => JSON.parse(line)),
    end: async (signal: NodeJS.Signals) => {
      const begun = performance.now()
      child.kill(signal)
      const [code] = child.exitCode === null ? await once(child, "exit") : [child.exitCode]
      return { code: Number(code), seconds: (performance.now() - begun) / 1000 }
    }
  }
}

describe("the daemon", () => {
  it("starts, works, tells its health and metrics, and ends at SIGTERM with 130", async () => {
    const port = await freePort()
    const { child, end, logs } = start({ REGISTRY_SUBNETS: "10.0.0.0/24=lab:auto", REGISTRY_OPS_PORT: String(port) })
    await eventually(
      "it says that it started",
      async () => logs().find(({ message }) => message === "registry started")
    ).catch((error: unknown) => assert.fail(`${String(error)}\n${JSON.stringify(logs())}`))
    const bus = await connectBus(nats.url)
    await bus.publish("dhcp.v1.event.lab.ack", { mac: "00:16:3e:00:00:01", ip: "10.0.0.7" })
    await bus.settled()
    await bus.close()
    const health = await fetch(`http://127.0.0.1:${port}/healthz`)
    assert.strictEqual(health.status, 200)
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    assert.match(metrics, /registry_messages_total\{outcome="applied"\} 1/u)
    assert.isTrue(logs().every(({ app, level }) => app === "registry" && level === "info"), JSON.stringify(logs()))
    const { code, seconds } = await end("SIGTERM")
    assert.strictEqual(code, 130)
    assert.isBelow(seconds, 15)
    assert.strictEqual(child.signalCode, null)
  })

  it("ends as promptly while its servers are away", async () => {
    const away = start({ NATS_SERVERS: "nats://127.0.0.1:1" })
    const without = start({
      DATABASE_URL: "postgres://nobody@127.0.0.1:1/nothing",
      REGISTRY_SUBNETS: "10.0.0.0/24=lab:auto"
    })
    const warning = await eventually(
      "it says once that it waits",
      async () => without.logs().find(({ level }) => level === "warn")
    )
    assert.include(warning["reason"], "ECONNREFUSED")
    for (const { end } of [away, without]) {
      const { code, seconds } = await end("SIGTERM")
      assert.strictEqual(code, 130)
      assert.isBelow(seconds, 15)
    }
    const messages = without.logs().filter(({ level }) => level === "warn").map(({ message }) => String(message))
    assert.strictEqual(new Set(messages).size, messages.length, messages.join("\n"))
  })

  it("refuses a configuration that it cannot read, with 1", async () => {
    const { child, logs } = start({ REGISTRY_SUBNETS: "everything" })
    const [code] = await once(child, "exit")
    assert.strictEqual(code, 1)
    assert.include(String(logs().at(-1)?.["error"]), "REGISTRY_SUBNETS")
    const open = start({ REGISTRY_API_HOST: "192.0.2.1" })
    assert.strictEqual((await once(open.child, "exit"))[0], 1)
    assert.include(String(open.logs().at(-1)?.["error"]), "set REGISTRY_API_TLS_CERT and REGISTRY_API_TLS_KEY")
  })
})
