/** The examples under `infra/` are what they say: each server that can run here takes its file. */
import { freshDatabase, startNats } from "@leasehold/devstack"
import { Nats } from "@leasehold/runtime"
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import { ConfigProvider, Effect, Layer } from "effect"
import { globSync, readFileSync } from "node:fs"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, inject, it } from "vitest"
import pg from "pg"

const passwords = {
  INGEST_LAB_PASSWORD: "one",
  REGISTRY_PASSWORD: "two",
  DASHBOARD_PASSWORD: "three",
  INJECTOR_LAB_PASSWORD: "four"
}

describe("infra/nats/nats-server.conf", () => {
  let nats: Awaited<ReturnType<typeof startNats>>
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "leasehold-infra-"))
    const text = await readFile(new URL("../infra/nats/nats-server.conf", import.meta.url), "utf8")
    const config = join(directory, "nats-server.conf")
    // The passwords as the environment would give them; place and port are the launcher's.
    await writeFile(
      config,
      Object.entries(passwords).reduce((conf, [name, value]) => conf.replace(`$${name}`, value), text).replace(
        /^(listen|jetstream).*$/gmu,
        ""
      )
    )
    nats = await startNats({ config })
    await ensured("registry", "two")
  })
  afterAll(async () => {
    await nats?.stop()
    await rm(directory, { recursive: true, force: true })
  })

  /** Starts and stops what an app has at its edge. */
  const ensured = (user: string, pass: string) =>
    Effect.runPromise(
      Effect.flatMap(Nats, ({ connection }) => Effect.promise(() => connection.flush())).pipe(
        Effect.provide(
          Nats.layer(user).pipe(
            Layer.provide(
              ConfigProvider.layer(
                ConfigProvider.fromEnv({ env: { NATS_SERVERS: nats.url, NATS_USER: user, NATS_PASSWORD: pass } })
              )
            )
          )
        ),
        Effect.timeout("10 seconds")
      )
    )

  it("lets an ingest start, and publish for its own server only", async () => {
    await ensured("ingest-lab", "one")
    const connection = await connect({ servers: nats.url, user: "ingest-lab", pass: "one" })
    try {
      const js = jetstream(connection)
      assert.strictEqual((await js.publish("dhcp.v1.event.lab.discover", "{}")).stream, "DHCP")
      for (const subject of ["dhcp.v1.event.shop.discover", "discovery.v1.system.discovered.x"]) {
        const refused = await js.publish(subject, "{}", { timeout: 2_000 }).then(
          () => undefined,
          (error: unknown) => error
        )
        assert.instanceOf(refused, Error, subject)
      }
    } finally {
      await connection.close()
    }
  })

  it("lets an ingest start although a stream has other limits, which it may not change", async () => {
    const registry = await connect({ servers: nats.url, user: "registry", pass: "two" })
    try {
      const manager = await jetstreamManager(registry)
      await manager.streams.update("DHCP", { max_age: 86_400_000_000_000 })
      await ensured("ingest-lab", "one")
      assert.strictEqual((await manager.streams.info("DHCP")).config.max_age, 86_400_000_000_000)
      await ensured("registry", "two")
      assert.strictEqual((await manager.streams.info("DHCP")).config.max_age, 7 * 86_400_000_000_000)
    } finally {
      await registry.close()
    }
  })

  it("keeps a dashboard from saying anything", async () => {
    const connection = await connect({ servers: nats.url, user: "dashboard", pass: "three" })
    try {
      const heard = connection.subscribe("dhcp.v1.event.>", { max: 1 })
      await connection.flush()
      const ingest = await connect({ servers: nats.url, user: "ingest-lab", pass: "one" })
      ingest.publish("dhcp.v1.event.lab.discover", "{}")
      await ingest.flush()
      await ingest.close()
      for await (const message of heard) assert.strictEqual(message.subject, "dhcp.v1.event.lab.discover")
      const said = await connection.request("dhcp.v1.inject.lab", "{}", { timeout: 1_000 }).then(
        () => undefined,
        (error: unknown) => error
      )
      assert.instanceOf(said, Error)
    } finally {
      await connection.close()
    }
  })
})

describe("infra/postgres/database.sql", () => {
  it("is SQL that a superuser can run", async () => {
    const text = await readFile(new URL("../infra/postgres/database.sql", import.meta.url), "utf8")
    const client = new pg.Client({ connectionString: await freshDatabase(inject("pgUrl")) })
    await client.connect()
    try {
      await client.query("BEGIN")
      for (const statement of text.split("\n").filter((line) => /^(CREATE ROLE|CREATE EXTENSION)/u.test(line))) {
        // The roles are those of the whole cluster: another name each time, and nothing is kept.
        await client.query(statement.replace(/leasehold(\w*) LOGIN/u, `infra_${process.pid}$1 LOGIN`))
      }
      await client.query("ROLLBACK")
    } finally {
      await client.end()
    }
  })
})

describe("infra/prometheus/alerts.yaml", () => {
  it("speaks of metrics that the apps have", async () => {
    const alerts = await readFile(new URL("../infra/prometheus/alerts.yaml", import.meta.url), "utf8")
    const named = new Set([...alerts.matchAll(/\b(?:ingest|registry|renderer)_[a-z_]+\b/gu)].map(([name]) => name))
    const root = new URL("../", import.meta.url).pathname
    const sources = globSync("apps/*/src/**/*.ts", { cwd: root }).map((path) => readFileSync(root + path, "utf8")).join(
      "\n"
    )
    assert.isAbove(named.size, 3)
    assert.deepStrictEqual([...named].filter((name) => !sources.includes(`"${name}"`)), [])
  })
})
