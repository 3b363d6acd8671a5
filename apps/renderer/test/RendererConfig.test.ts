import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Option } from "effect"
import { readFileSync } from "node:fs"
import { parseEnv } from "node:util"
import { RendererConfig } from "../src/RendererConfig.ts"

const conf = {
  RENDERER_SERVER: "lab",
  RENDERER_FILE: "/etc/dnsmasq.d/01-leasehold.conf",
  RENDERER_ACTIVATE: "systemctl restart dnsmasq"
}
const hosts = {
  RENDERER_SERVER: "lab",
  RENDERER_MODE: "hosts",
  RENDERER_DIRECTORY: "/etc/dnsmasq.hosts/",
  RENDERER_LOG_FILE: "/var/log/dnsmasq.log",
  RENDERER_PID_FILE: "/run/dnsmasq/dnsmasq.pid"
}
const without = (env: Readonly<Record<string, string>>, name: string) =>
  Object.fromEntries(Object.entries(env).filter(([key]) => key !== name))

const read = (env: Readonly<Record<string, string>>) =>
  Effect.provide(
    RendererConfig,
    RendererConfig.layer.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))))
  )

describe("the example of infra", () => {
  const text = readFileSync(new URL("../../../infra/systemd/renderer.env", import.meta.url), "utf8")
  const envOf = (lines: string) =>
    Object.fromEntries(Object.entries(parseEnv(lines)).map(([name, value]) => [name, value ?? ""]))

  it.effect("is one of mode conf", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* read(envOf(text))).mode._tag, "Conf")
    }))

  it.effect("has one of mode hosts in its comments", () =>
    Effect.gen(function*() {
      const [before = "", after = ""] = text.split("# Mode hosts")
      const hostsText = before.replace(/^# Mode conf:[^]*/mu, "") + after.replaceAll(/^# /gmu, "")
      assert.strictEqual((yield* read(envOf(hostsText))).mode._tag, "Hosts")
    }))
})

describe("the configuration", () => {
  it.effect("is mode conf unless it says otherwise", () =>
    Effect.gen(function*() {
      const settings = yield* read(conf)
      assert.deepStrictEqual(settings.mode, {
        _tag: "Conf",
        file: "/etc/dnsmasq.d/01-leasehold.conf",
        command: "systemctl restart dnsmasq"
      })
      assert.isTrue(Option.isNone(settings.pidFile))
    }))

  it.effect("signals the process of the pid file in mode hosts, or runs a command instead", () =>
    Effect.gen(function*() {
      const { mode } = yield* read(hosts)
      assert.deepStrictEqual(mode, {
        _tag: "Hosts",
        directory: "/etc/dnsmasq.hosts",
        activation: { _tag: "Signal", pidFile: "/run/dnsmasq/dnsmasq.pid" },
        logFile: "/var/log/dnsmasq.log"
      })
      const reloading = yield* read({ ...hosts, RENDERER_ACTIVATE: "systemctl reload dnsmasq" })
      assert.strictEqual(reloading.mode._tag === "Hosts" && reloading.mode.activation._tag, "Command")
    }))

  const wrong: ReadonlyArray<readonly [string, Readonly<Record<string, string>>, RegExp]> = [
    ["no server", without(conf, "RENDERER_SERVER"), /^RENDERER_SERVER is missing/u],
    ["a server that is no token", { ...conf, RENDERER_SERVER: "Lab.1" }, /^RENDERER_SERVER is not 1 to 63/u],
    ["no file", without(conf, "RENDERER_FILE"), /^RENDERER_FILE is missing/u],
    ["a relative file", { ...conf, RENDERER_FILE: "x.conf" }, /^RENDERER_FILE is not an absolute path/u],
    ["a file that dnsmasq passes over", { ...conf, RENDERER_FILE: "/etc/dnsmasq.d/.x" }, /^RENDERER_FILE has a name/u],
    ["no command", without(conf, "RENDERER_ACTIVATE"), /^RENDERER_ACTIVATE is missing/u],
    [
      "a directory in mode conf",
      { ...conf, RENDERER_DIRECTORY: "/x" },
      /^RENDERER_DIRECTORY is for RENDERER_MODE=hosts/u
    ],
    ["a log in mode conf", { ...conf, RENDERER_LOG_FILE: "/x" }, /^RENDERER_LOG_FILE is for RENDERER_MODE=hosts/u],
    ["no directory", without(hosts, "RENDERER_DIRECTORY"), /^RENDERER_DIRECTORY is missing/u],
    ["a file in mode hosts", { ...hosts, RENDERER_FILE: "/x" }, /^RENDERER_FILE is for RENDERER_MODE=conf/u],
    ["no log", without(hosts, "RENDERER_LOG_FILE"), /^RENDERER_LOG_FILE is missing/u],
    ["nothing to signal", without(hosts, "RENDERER_PID_FILE"), /^RENDERER_PID_FILE is missing/u],
    ["a mode that there is not", { ...conf, RENDERER_MODE: "both" }, /^RENDERER_MODE is neither/u],
    ["a share above 1", { ...conf, RENDERER_RELOAD_SHARE: "10" }, /^RENDERER_RELOAD_SHARE is not a share/u],
    ["a share that is no number", { ...conf, RENDERER_RELOAD_SHARE: "ten" }, /^RENDERER_RELOAD_SHARE is not/u],
    ["no failure at all", { ...conf, RENDERER_BREAKER_FAILURES: "0" }, /^RENDERER_BREAKER_FAILURES is not/u],
    ["a time that is none", { ...conf, RENDERER_POLL: "soon" }, /^RENDERER_POLL is not a duration such as 250 millis/u],
    [
      "a debounce longer than its limit",
      { ...conf, RENDERER_DEBOUNCE: "5 seconds" },
      /^RENDERER_DEBOUNCE_MAX is shorter/u
    ]
  ]
  for (const [what, env, message] of wrong) {
    it.effect(`with ${what} names the variable`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(read(env))
        assert.match(error.message, message)
      }))
  }
})
