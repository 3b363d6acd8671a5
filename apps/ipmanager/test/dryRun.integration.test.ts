/**
 * Every command either asks, which a token that may only read can do, or can be tried with `--dry-run` and changes nothing then. The
 * commands are those that there are, so that none is forgotten.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { Completions } from "effect/cli"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { root } from "../src/commands/root.ts"
import { type Running, startRegistry } from "./RunningRegistry.ts"

let registry: Running
let directory = ""
let reader = ""
/** Number of the last change before the tests. */
let last = ""
const mac = (number: number) => `00:16:3e:00:00:0${number}`

const done = async (...words: ReadonlyArray<string>) => {
  const { code, err, out } = await registry.run(words)
  assert.strictEqual(code, 0, `${words.join(" ")}: ${err}`)
  return out.trim()
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "ipmanager-"))
  writeFileSync(join(directory, "hosts.csv"), `mac,address,name\n${mac(7)},10.0.0.70,tv\n`)
  registry = await startRegistry()
  reader = await done("token", "create", "reader")
  await done("subnet", "add", "10.0.0.0/24", "--name", "office", "--gateway", "10.0.0.1", "--dhcp-server", "lab")
  await done("policy", "set", "office", "--pattern", "pc-{mac:6}")
  await done("host", "add", mac(1), "--address", "10.0.0.7", "--name", "nas")
  last = String(JSON.parse(await done("log", "nas", "--json"))[0].id)
  await done("system", "register", mac(2), "lab", "radio", "--address", "10.0.0.8")
})
afterAll(async () => {
  await registry?.stop()
  rmSync(directory, { recursive: true, force: true })
})

/** What each changing command is tried with. */
const changes: Readonly<Record<string, () => ReadonlyArray<string>>> = {
  "host add": () => [mac(3), "--address", "next", "--subnet", "office"],
  "host set": () => ["nas", "--name", "files"],
  "host rm": () => ["nas"],
  "host move": () => ["nas", "next", "--subnet", "office"],
  "subnet add": () => ["10.1.0.0/24", "--name", "attic"],
  "subnet set": () => ["office", "--domain", "lan"],
  "subnet rm": () => ["office", "--with-reservations"],
  "next-free": () => ["office"],
  "system approve": () => [mac(2)],
  "system ignore": () => [mac(2)],
  "system block": () => [mac(2)],
  "system unblock": () => [mac(2)],
  "system known": () => [mac(2)],
  "system rename": () => [mac(2), "wireless"],
  "system register": () => [mac(4), "lab", "copier"],
  "policy set": () => ["office", "--pattern", "desk-{seq}", "--no-client-names", "--apply"],
  "policy rm": () => ["office"],
  "watcher configure": () => ["lab", "--log-file", "/var/log/dnsmasq.log"],
  "undo": () => [last],
  "import": () => [join(directory, "hosts.csv")],
  "token create": () => ["backup"],
  "token revoke": () => ["reader"]
}

/** What each asking command is called with. Where the answer is that there is none, it was asked. */
const questions: Readonly<Record<string, ReadonlyArray<string>>> = {
  "host list": [],
  "host show": ["nas"],
  "subnet list": [],
  "subnet show": ["office"],
  "system list": [],
  "system show": [mac(2)],
  "system watch": ["--subnet", "nowhere"],
  "system why": [mac(2)],
  "who-had": ["10.0.0.8"],
  "policy list": [],
  "policy show": [],
  "policy test": ["office", "--pattern", "desk-{mac:6}"],
  "server list": [],
  "server show": ["lab"],
  "watcher status": [],
  "log": [],
  "export": [],
  "check": [],
  "whoami": [],
  "completions": ["bash"]
}
/** Who may not change tokens may not see who has which either. */
const askedByAdministrators: Readonly<Record<string, ReadonlyArray<string>>> = { "token list": [] }

const leaves = (
  { flags, name, subcommands }: Completions.CommandDescriptor,
  above: ReadonlyArray<string> = []
): ReadonlyArray<{ readonly path: string; readonly isTried: boolean }> => {
  const path = [...above, name]
  return subcommands.length > 0
    ? subcommands.flatMap((one) => leaves(one, path))
    : [{ path: path.slice(1).join(" "), isTried: flags.some(({ name }) => name === "dry-run") }]
}
const commands = leaves(Completions.fromCommand(root))
const named = (isTried: boolean) => commands.filter((one) => one.isTried === isTried).map(({ path }) => path).toSorted()

describe("every command that changes something", () => {
  it("can be tried, and no other", () => {
    assert.deepStrictEqual(Object.keys(changes).toSorted(), named(true))
    assert.deepStrictEqual(Object.keys({ ...questions, ...askedByAdministrators }).toSorted(), named(false))
  })

  it("changes nothing with --dry-run, asks nobody, and says so", async () => {
    // What was changed before is announced, and looked at again.
    const deadline = Date.now() + 15_000
    const isSettled = async () => !(await registry.rows()).some((row) => /^(?:outbox|pending_names) /u.test(row))
    while (!await isSettled()) {
      assert.isBelow(Date.now(), deadline)
      await sleep(20)
    }
    const before = await registry.rows()
    for (const [path, words] of Object.entries(changes)) {
      const { code, err } = await registry.run([...path.split(" "), ...words(), "--dry-run"])
      assert.strictEqual(code, 0, `${path}: ${err}`)
      assert.match(err, /^dry run: .*; nothing was changed$/mu, path)
      assert.deepStrictEqual(await registry.rows(), before, path)
    }
  })

  it("is refused with its dry run to who may only read", async () => {
    for (const [path, words] of Object.entries(changes)) {
      const { code, err } = await registry.run([...path.split(" "), ...words(), "--dry-run"], {
        env: { IPMANAGER_TOKEN: reader }
      })
      assert.strictEqual(code, 4, `${path}: ${err}`)
    }
  })
})

describe("every other command", () => {
  it("asks only: who may only read may call it", async () => {
    for (const [path, words] of Object.entries(questions)) {
      const { code, err } = await registry.run([...path.split(" "), ...words], { env: { IPMANAGER_TOKEN: reader } })
      assert.notStrictEqual(code, 4, `${path}: ${err}`)
      assert.notStrictEqual(code, 2, `${path}: ${err}`)
    }
  })
})
