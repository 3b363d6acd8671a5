/**
 * A temporary directory that is removed even when its owner is killed, together with the namespaces made for it.
 *
 * A small shell makes both, waits for the end of its standard input (which the kernel closes with the owner), lets the
 * processes end that were said to use the directory, kills whatever runs in the namespaces, and removes the directory.
 * Removal on request goes the same way, so that the way of a crash is the way that is always taken.
 */
import { spawn } from "node:child_process"
import { tmpdir } from "node:os"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

export interface ScratchDirectory {
  readonly path: string
  /** The process that keeps the namespaces open; 0 without one. */
  readonly holder: number
  /** The directory outlives its owner until this process is gone (for at most ten seconds). */
  heldBy(pid: number): void
  remove(): Promise<void>
}

const keeper = fileURLToPath(new URL("keeper.sh", import.meta.url))

/** @param holder a command that makes namespaces, one of them of mounts, writes a line when they are ready, and stays */
export async function scratchDirectory(purpose: string, holder: ReadonlyArray<string> = []): Promise<ScratchDirectory> {
  const child = spawn("sh", [keeper, tmpdir(), purpose, ...holder], { detached: true })
  let complaint = ""
  child.stdin.on("error", () => undefined)
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => complaint += chunk)
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
  const [pid = "", path = ""] = await new Promise<ReadonlyArray<string>>((resolve, reject) => {
    child.once("error", reject)
    child.once(
      "close",
      () => reject(new Error(`cannot make a place for ${purpose} in ${tmpdir()}: ${complaint.trim()}`))
    )
    createInterface({ input: child.stdout }).once("line", (line) => resolve(line.split(/ (.*)/)))
  })
  // Nothing more comes from there, and a process that has nothing else to do may end.
  child.stdout.destroy()
  child.stderr.destroy()
  child.unref()
  return {
    path,
    holder: Number(pid),
    heldBy: (user) => void child.stdin.write(`${user}\n`),
    remove: async () => {
      child.ref()
      child.stdin.end()
      await ended
    }
  }
}
