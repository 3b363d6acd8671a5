import { describeLab } from "@leasehold/devstack/lab/test"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, it } from "vitest"

const config = fileURLToPath(new URL("fixtures/summary/vitest.config.ts", import.meta.url))
const vitest = fileURLToPath(new URL("../vitest.mjs", import.meta.resolve("vitest")))

const run = (filter: string, options: { readonly ci?: boolean; readonly under?: ReadonlyArray<string> } = {}) => {
  const { CI: _, NODE_OPTIONS: __, ...env } = process.env
  const [file = "", ...args] = [...(options.under ?? []), process.execPath, vitest, "run", "--config", config, filter]
  const done = spawnSync(file, args, { encoding: "utf8", env: { ...env, ...(options.ci === true ? { CI: "1" } : {}) } })
  return { status: done.status, stdout: done.stdout, lines: done.stdout.trimEnd().split("\n") }
}
/** Runs a command without the administrator's programs, as on a machine where they are not installed. */
const withoutDnsmasq = [
  "unshare",
  "--user",
  "--map-root-user",
  "--mount",
  "sh",
  "-c",
  "mount -t tmpfs none /usr/sbin && exec \"$@\"",
  "sh"
]

it("ends a run with one plain line after vitest's own summary", () => {
  const { lines, status } = run("good")
  assert.strictEqual(status, 0)
  assert.strictEqual(lines.at(-1), "1 passed, 0 failed, 1 skipped")
  assert.isBelow(lines.findIndex((line) => line.includes("Duration")), lines.length - 1)
})

it("fails a run in CI that skipped a test, and names it", () => {
  const { lines, status } = run("good", { ci: true })
  assert.strictEqual(status, 1)
  assert.deepStrictEqual(lines.slice(-2), [
    "skipped, which CI does not allow: good.fixture.ts > is left out",
    "1 passed, 0 failed, 1 skipped"
  ])
})

it("fails a run in which a test failed", () => {
  const { lines, status } = run("bad")
  assert.strictEqual(status, 1)
  assert.strictEqual(lines.at(-1), "0 passed, 1 failed, 0 skipped")
})

it("fails a run that executed no test", () => {
  const { lines, status } = run("nothing-of-this-name")
  assert.strictEqual(status, 1)
  assert.deepStrictEqual(lines.slice(-2), ["no test was executed", "0 passed, 0 failed, 0 skipped"])
})

describeLab("a lab that is missing", () => {
  it("is named with the reason, and fails the run in CI", () => {
    const skipped = run("lab", { under: withoutDnsmasq })
    assert.strictEqual(skipped.status, 0)
    assert.match(
      skipped.lines.at(-2) ?? "",
      /^not run: lab\.fixture\.ts > with a lab \(skipped: missing: dnsmasq, .*; on Debian: apt-get install .*dnsmasq-base/
    )
    assert.strictEqual(skipped.lines.at(-1), "1 passed, 0 failed, 1 skipped")
    const failed = run("lab", { ci: true, under: withoutDnsmasq })
    assert.strictEqual(failed.status, 1)
    assert.match(failed.stdout, /^1 passed, 1 failed, 0 skipped$/m)
  })
})
