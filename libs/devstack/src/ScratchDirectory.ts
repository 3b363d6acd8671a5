/**
 * A temporary directory that is removed even when its owner is killed.
 *
 * A small shell makes it, waits for the end of its standard input (which the kernel closes with the owner), lets the
 * processes end that were said to use it, and removes it. (A process without an `exe` is a zombie that nobody reaps.)
 */
import { spawn } from "node:child_process"
import { rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { createInterface } from "node:readline"

export interface ScratchDirectory {
  readonly path: string
  /** The directory outlives its owner until this process is gone (for at most ten seconds). */
  heldBy(pid: number): void
  remove(): Promise<void>
}

const keeper = `
trap '' HUP INT TERM
path=$(mktemp -d "$1/leasehold-$2-XXXXXX") || exit 1
echo "$path"
while read -r pid; do pids="$pids $pid"; done
for pid in $pids; do
  left=200
  while [ -e "/proc/$pid/exe" ] && [ "$left" -gt 0 ]; do sleep 0.05; left=$((left - 1)); done
done
for again in 1 2 3 4 5; do rm -rf -- "$path" && exit 0; sleep 0.2; done
`

export async function scratchDirectory(purpose: string): Promise<ScratchDirectory> {
  const child = spawn("sh", ["-c", keeper, "scratch", tmpdir(), purpose], {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true
  })
  child.stdin.on("error", () => undefined)
  const path = await new Promise<string>((resolve, reject) => {
    child.once("error", reject)
    child.once("exit", () => reject(new Error(`cannot make a directory in ${tmpdir()}`)))
    createInterface({ input: child.stdout }).once("line", resolve)
  })
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  child.unref()
  return {
    path,
    heldBy: (pid) => void child.stdin.write(`${pid}\n`),
    remove: async () => {
      await rm(path, { recursive: true, force: true, maxRetries: 5 })
      child.ref()
      child.stdin.end()
      await ended
    }
  }
}
