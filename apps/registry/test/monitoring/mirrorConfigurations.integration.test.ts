import { eventually } from "@leasehold/devstack/test"
import { jetstreamManager } from "@nats-io/jetstream"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { assert, describe, it, onTestFinished } from "vitest"
import { caller, openMonitoring, statesOf } from "./openMonitoring.ts"

const one = { revision: 1, logFiles: ["/var/log/a.log"] }
const two = { revision: 2, logFiles: ["/var/log/b.log"] }

describe("the bucket of configurations", () => {
  it("is as PostgreSQL has it, whoever changes or deletes what, and replicas do not fight over it", async () => {
    const { bus, database, mirrored, open, replica } = await openMonitoring()
    await database.query("INSERT INTO monitoring_configs (server, config) VALUES ('lab', $1)", [{
      logFiles: one.logFiles
    }])
    const [first] = await Promise.all([replica(), replica()])
    await mirrored("lab", one)

    const bucket = await open("ingest-config")
    await bucket.put("lab", JSON.stringify({ revision: 9, logFiles: ["/etc/shadow"] }))
    await mirrored("lab", one)
    await bucket.put("lab", "nothing")
    await mirrored("lab", one)
    await bucket.delete("lab")
    await mirrored("lab", one)
    await bucket.put("stranger", JSON.stringify(one))
    await mirrored("stranger", undefined)
    const manager = await jetstreamManager(bus.connection)
    await manager.streams.delete("KV_ingest-config")
    await mirrored("lab", one)
    await manager.streams.delete("KV_ingest-status")
    await eventually(
      "the bucket of reports is there again",
      () => manager.streams.info("KV_ingest-status").then(() => true, () => undefined)
    )

    await database.query("UPDATE monitoring_configs SET config = $1", [{ logFiles: two.logFiles }])
    await mirrored("lab", two)
    // Valid JSON, and no configuration: the last one that was stays.
    await database.query(
      "INSERT INTO monitoring_configs (server, config) VALUES ('odd', '{\"logFiles\":[\"relative\"]}')"
    )
    await first.run(first.monitoring.configure(caller, { server: "other", logFiles: [], zone: "UTC" }, false))
    await mirrored("other", { revision: 1, logFiles: [], zone: "UTC" })
    await mirrored("odd", undefined)

    const { state: before } = await manager.streams.info("KV_ingest-config")
    await database.query("NOTIFY monitoring")
    await sleep(500)
    const { state: after } = await manager.streams.info("KV_ingest-config")
    assert.strictEqual(after.last_seq, before.last_seq)

    await database.query("DELETE FROM monitoring_configs WHERE server = 'lab'")
    await mirrored("lab", undefined)
  })

  it("needs no more rights than the example of infra grants", async () => {
    const directory = mkdtempSync(join(tmpdir(), "leasehold-mirror-"))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const example = readFileSync(new URL("../../../../infra/nats/nats-server.conf", import.meta.url), "utf8")
    const config = join(directory, "nats.conf")
    writeFileSync(
      config,
      `no_auth_user: all\n${
        example.replace(/^(?:listen|jetstream).*$/gmu, "").replaceAll(/\$\w+_PASSWORD/gu, "p").replace(
          "users: [",
          "users: [ { user: all, password: all }"
        )
      }`
    )
    const { mirrored, open, replica } = await openMonitoring(config, { NATS_USER: "registry", NATS_PASSWORD: "p" })
    const { monitoring, run } = await replica()
    await run(monitoring.configure(caller, { server: "lab", logFiles: one.logFiles, zone: "" }, false))
    await mirrored("lab", one)
    const bucket = await open("ingest-config")
    await bucket.delete("lab")
    await mirrored("lab", one)
    await bucket.put("stranger", "{}")
    await mirrored("stranger", undefined)
    assert.deepStrictEqual(await run(statesOf(monitoring, "")), [])
  })
})
