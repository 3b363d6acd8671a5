import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Option, Redacted } from "effect"
import { WebhookConfig } from "../../src/webhook/WebhookConfig.ts"

const configured = (env: Readonly<Record<string, string>>) =>
  Effect.provide(
    WebhookConfig,
    ConfigProvider.layer(
      ConfigProvider.fromEnv({
        env: Object.fromEntries(Object.entries(env).map(([name, value]) => [`REGISTRY_WEBHOOK_${name}`, value]))
      })
    )
  )
const url = "https://user:password@hooks.example.org/token-of-the-path"

describe("the webhook's settings", () => {
  it.effect("are none without a URL, whatever else is set", () =>
    Effect.gen(function*() {
      for (const env of [{}, { URL: "" }]) {
        assert.isTrue(Option.isNone(yield* configured({ ...env, SECRET: "short", TYPES: "nonsense" })))
      }
    }))

  it.effect("take every fact by default, or those that are named", () =>
    Effect.gen(function*() {
      const all = Option.getOrThrow(yield* configured({ URL: url }))
      assert.strictEqual(Redacted.value(all.url).host, "hooks.example.org")
      assert.isTrue(all.wants("system.discovered") && all.wants("server.failed"))
      const some = Option.getOrThrow(yield* configured({ URL: url, TYPES: "system.*, server.failed" }))
      assert.deepStrictEqual(
        ["system.discovered", "system.renamed", "server.failed", "server.applied", "systematic.x"].map(some.wants),
        [true, true, true, false, false]
      )
    }))

  it.effect("refuse a CA for a URL without TLS", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(configured({ URL: url.replace("https", "http"), TLS_CA: "/etc/ssl/ca.pem" }))
      assert.include(error.message, "REGISTRY_WEBHOOK_TLS_CA is for a REGISTRY_WEBHOOK_URL that begins with https")
    }))

  for (
    const [variable, value] of [
      ["URL", "hooks.example.org/secret"],
      ["URL", "ftp://user:secret@hooks.example.org/"],
      ["URL", "file:///etc/secret"],
      ["SECRET", "too-secret"],
      ["TYPES", "system.born"],
      ["TYPES", "systems.*"],
      ["TYPES", ","],
      ["TLS_CA", "/nowhere/ca.pem"],
      ["TLS_CA", "/etc/passwd"],
      ["ATTEMPTS", "0"],
      ["ATTEMPTS", "many"],
      ["TIMEOUT", "0 seconds"],
      ["RETRY_MIN", "0 millis"],
      ["RETRY_MAX", "infinity"]
    ] as const
  ) {
    it.effect(`refuse ${variable}=${value}, name it, and keep what is secret`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(configured({ URL: url, [variable]: value }))
        assert.include(error.message.replaceAll(/\["|"\]/gu, "_"), variable)
        assert.notMatch(error.message, /password|token-of|secret@|\/secret|too-secret/u)
      }))
  }
})
