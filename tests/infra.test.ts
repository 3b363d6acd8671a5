/** The files of `infra/` fit each other, the code and `docs/configuration.md`. */
import { existsSync, globSync, readFileSync } from "node:fs"
import { dirname } from "node:path"
import { assert, describe, it } from "vitest"

const root = new URL("../", import.meta.url).pathname
const read = (path: string) => readFileSync(root + path, "utf8")
const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found = ""]) => found)
const apps = ["ingest", "registry", "renderer"] as const

/** What an example of settings says, in its comments too. */
const settingsOf = (app: string) =>
  new Map(
    matches(read(`infra/systemd/${app}.env`), /^(?:# )?([A-Z_]+=.*)$/gmu).map((line) => {
      const [name = "", ...value] = line.split("=")
      return [name, value.join("=").replaceAll("\"", "")] as const
    })
  )
const unitOf = (app: string) => read(`infra/systemd/leasehold-${app}.service`)
const inUnit = (app: string, key: string) =>
  matches(unitOf(app), new RegExp(`^${key}=(.*)$`, "gmu")).join(" ").split(" ")
const variables = new Set(matches(read("docs/configuration.md"), /^\| `([A-Z][A-Z_]*)` \|/gmu))

describe("the units", () => {
  for (const app of apps) {
    it(`of ${app} starts what is there, with settings that there are`, () => {
      const [, main = ""] = inUnit(app, "ExecStart")
      assert.isTrue(existsSync(main.replace("/opt/leasehold/", root)), main)
      assert.isTrue(existsSync(inUnit(app, "Documentation").join("").replace("file:/opt/leasehold/", root)))
      assert.deepStrictEqual(inUnit(app, "EnvironmentFile"), [`/etc/leasehold/${app}.env`])
      assert.isAbove(settingsOf(app).size, 3)
      assert.deepStrictEqual([...settingsOf(app).keys()].filter((name) => !variables.has(name)), [])
    })
  }

  it("let each app write where it has to, and nowhere else", () => {
    const [stateDirectory] = matches(read("docs/configuration.md"), /^\| `INGEST_STATE_DIRECTORY` \| `([^`]+)`/gmu)
    assert.deepStrictEqual(inUnit("ingest", "StateDirectory").map((name) => `/var/lib/${name}`), [stateDirectory])
    const renderer = settingsOf("renderer")
    assert.deepStrictEqual(inUnit("renderer", "ReadWritePaths"), [`-${dirname(renderer.get("RENDERER_FILE") ?? "")}`])
    assert.deepStrictEqual(
      inUnit("renderer", "StateDirectory").map((name) => `/var/lib/${name}`),
      [renderer.get("RENDERER_DIRECTORY")]
    )
    for (const app of apps) assert.deepStrictEqual(inUnit(app, "ProtectSystem"), ["strict"])
  })

  it("give the renderer the time that its command may take", () => {
    const [minutes] = matches(read("docs/configuration.md"), /^\| `RENDERER_ACTIVATE_TIMEOUT` \| `(\d+) minutes`/gmu)
    assert.isAbove(Number(inUnit("renderer", "TimeoutStopSec")[0]), Number(minutes) * 60)
  })
})

describe("the examples", () => {
  it("name one log, one pid file and one directory", () => {
    const [conf, hosts] = [read("infra/dnsmasq/conf-mode.conf"), read("infra/dnsmasq/hosts-mode.conf")]
    const log = settingsOf("ingest").get("INGEST_LOG_FILES")
    assert.deepStrictEqual(matches(conf + hosts, /^log-facility=(.*)$/gmu), [log, log])
    assert.strictEqual(settingsOf("renderer").get("RENDERER_LOG_FILE"), log)
    const rotated = read("infra/dnsmasq/logrotate.conf")
    assert.deepStrictEqual(matches(rotated, /^(\/\S+) \{$/gmu), [log])
    const pidFile = settingsOf("renderer").get("RENDERER_PID_FILE") ?? ""
    assert.deepStrictEqual(matches(hosts, /^pid-file=(.*)$/gmu), [pidFile])
    assert.include(rotated, `kill -USR2 "$(cat ${pidFile})"`)
    assert.deepStrictEqual(matches(rotated, /^ *create \d+ dnsmasq (\S+)$/gmu), inUnit("ingest", "SupplementaryGroups"))
    assert.deepStrictEqual(matches(hosts, /^dhcp-hostsfile=(.*)$/gmu), [
      settingsOf("renderer").get("RENDERER_DIRECTORY")
    ])
    assert.deepStrictEqual(matches(conf, /^conf-dir=([^,]*)\/,/gmu), [
      dirname(settingsOf("renderer").get("RENDERER_FILE") ?? "")
    ])
  })

  it("log in as users that there are", () => {
    const users = matches(read("infra/nats/nats-server.conf"), /^ +user: ([a-z-]+),/gmu)
    for (const app of ["ingest", "registry"]) assert.include(users, settingsOf(app).get("NATS_USER"))
    const roles = matches(read("infra/postgres/database.sql"), /^CREATE ROLE (\w+) LOGIN/gmu)
    for (const app of ["registry", "renderer"])
      assert.include(roles, new URL(settingsOf(app).get("DATABASE_URL") ?? "").username)
    assert.strictEqual(settingsOf("ingest").get("INGEST_SERVER"), settingsOf("renderer").get("RENDERER_SERVER"))
  })

  it("are scraped where they listen", () => {
    const targets = matches(read("infra/prometheus/prometheus.yaml"), /"127\.0\.0\.1:(\d+)"/gu)
    assert.deepStrictEqual(targets, apps.map((app) => settingsOf(app).get(`${app.toUpperCase()}_OPS_PORT`)))
  })

  it("run commands that there are, and set variables that there are", () => {
    const manifest: { readonly scripts: Readonly<Record<string, string>> } = JSON.parse(read("package.json"))
    const all = globSync("infra/**/*.*", { cwd: root }).map(read).join("\n")
    const commands = new Set(matches(all, /\bnpm run (?:-s )?([a-z:]+)/gu))
    assert.includeMembers([...commands], ["migrate", "registry"])
    assert.deepStrictEqual([...commands].filter((name) => !(name in manifest.scripts)), [])
    const named = new Set(matches(all, /\b((?:INGEST|REGISTRY|RENDERER|NATS)_[A-Z_]+[A-Z])\b(?!_PASSWORD|\/)/gu))
    const passwords = ["INGEST_LAB_PASSWORD", "REGISTRY_PASSWORD"]
    assert.deepStrictEqual([...named].filter((name) => !variables.has(name) && !passwords.includes(name)), [])
  })
})
