import { spawnSync } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import manifest from "../package.json" with { type: "json" }

const main = new URL("../src/main.ts", import.meta.url).pathname

const run = (...args: ReadonlyArray<string>) => {
  const { status, stdout } = spawnSync(process.execPath, [main, ...args], {
    encoding: "utf8",
    timeout: 60_000,
    env: { PATH: process.env["PATH"], INGEST_SERVER: "lab", INGEST_LOG_FILES: join(tmpdir(), "no-such.log") }
  })
  return { status, stdout }
}

describe("the command line", () => {
  it("is no daemon, whatever flags it is given", () => {
    const { status, stdout } = run("--log-level", "debug")
    assert.strictEqual(status, 0)
    assert.match(stdout, /USAGE\s+ingest <subcommand>/u)
  })

  it("says the version of its package", () => {
    assert.include(run("--version").stdout, manifest.version)
  })
})
