import { spawn } from "node:child_process"
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { assert, describe, it, onTestFinished } from "vitest"
import { eventuallyHolds } from "../src/eventually.ts"
import { describeLab } from "../src/lab/describeLab.ts"
import { scratchDirectory } from "../src/ScratchDirectory.ts"

const fixture = fileURLToPath(new URL("fixtures/owner.ts", import.meta.url))

interface Owned {
  readonly pids: ReadonlyArray<number>
  readonly dirs: ReadonlyArray<string>
}

const isOwned = (value: unknown): value is Owned => typeof value === "object" && value !== null && "pids" in value

/** Starts the owner, learns what it owns, ends it, and returns what there is to look for. */
async function endOwner(signal: NodeJS.Signals, ...args: ReadonlyArray<string>) {
  // The servers' own temporary directories are found in a place that only this owner uses.
  const place = await scratchDirectory("place")
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(process.execPath, [fixture, ...args], {
    env: { ...env, TMPDIR: place.path },
    stdio: ["ignore", "pipe", "inherit"]
  })
  const ended = new Promise((resolve) => child.once("close", resolve))
  const said = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve)
    child.once("exit", (code) => reject(new Error(`the owner ended with ${code}`)))
  })
  const owned: unknown = JSON.parse(said)
  if (!isOwned(owned)) throw new Error(`not understood: ${said}`)
  const foreign = owned.pids.filter((pid) => link(pid) !== link("self"))
  const namespaces = foreign.map((pid) => link(pid))
  // Held open, a namespace keeps its number, which would otherwise go to a lab of another test.
  const held = foreign.map((pid) => openSync(`/proc/${pid}/ns/mnt`, "r"))
  onTestFinished(() => held.forEach((fd) => closeSync(fd)))
  assert.isTrue(owned.pids.every((pid) => existsSync(`/proc/${pid}/exe`)))
  assert.isNotEmpty(readdirSync(place.path))
  child.kill(signal)
  await ended
  return { ...owned, namespaces, place }
}

const link = (pid: number | string): string | undefined => {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`)
  } catch {
    return undefined
  }
}
const processesIn = (namespaces: ReadonlyArray<string | undefined>) =>
  readdirSync("/proc").filter((pid) => /^\d+$/.test(pid)).filter((pid) => namespaces.includes(link(pid) ?? "gone"))

/** Waits until nothing of it is there any more. */
const gone = (what: string, left: () => ReadonlyArray<unknown>) =>
  eventuallyHolds(`${what} are gone`, left, ({ length }) => length === 0)

async function assertNothingIsLeft({ dirs, namespaces, pids, place }: Awaited<ReturnType<typeof endOwner>>) {
  await gone("the servers", () => pids.filter((pid) => existsSync(`/proc/${pid}/exe`)))
  await gone("the directories", () => dirs.filter((dir) => existsSync(dir)))
  await gone("the temporary files", () => readdirSync(place.path))
  assert.deepStrictEqual(processesIn(namespaces), [])
  assert.notMatch(readFileSync("/proc/net/dev", "utf8"), /^\s*(br-lan|m\d+):/m)
  await place.remove()
  assert.isFalse(existsSync(place.path) || readdirSync(tmpdir()).includes(place.path))
}

describe("the servers", () => {
  it("do not outlive an owner that is killed, nor does a file", async () => {
    await assertNothingIsLeft(await endOwner("SIGKILL"))
  })

  it("leave nothing when they are stopped in good order", async () => {
    await assertNothingIsLeft(await endOwner("SIGTERM"))
  })
})

describeLab("a lab", () => {
  it("does not outlive an owner that is killed: no process, no namespace, no file", async () => {
    const left = await endOwner("SIGKILL", "with-lab")
    assert.isNotEmpty(left.namespaces)
    await assertNothingIsLeft(left)
  })

  it("leaves nothing when it is stopped in good order", async () => {
    await assertNothingIsLeft(await endOwner("SIGTERM", "with-lab"))
  })
})
