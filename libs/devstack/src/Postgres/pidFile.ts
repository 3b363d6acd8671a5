/**
 * The postmaster's note about itself. After a crash it names a process that is gone, or by now another program:
 * such a note is removed, because PostgreSQL would believe it.
 */
import { readFile, readlink, realpath, rm } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"

export interface PidFile {
  readonly pid: number
  /** `starting`, `ready` or `stopping`. */
  readonly status: string
}

const pathIn = (dir: string) => join(dir, "postmaster.pid")

export async function pidFileOf(dir: string): Promise<PidFile | undefined> {
  const text = await readFile(pathIn(dir), "utf8").catch(() => undefined)
  const lines = text?.split("\n") ?? []
  const pid = Number(lines[0])
  return pid > 0 ? { pid, status: (lines[7] ?? "").trim() } : undefined
}

/** Fails when a postmaster really serves the directory. One whose owner was just killed gets time to leave. */
export async function clearStalePidFile(dir: string): Promise<void> {
  const start = Date.now()
  for (;;) {
    const found = await pidFileOf(dir)
    if (found === undefined) return
    if (!(await serves(found.pid, dir))) return rm(pathIn(dir), { force: true })
    if (Date.now() - start > (found.status === "stopping" ? 30_000 : 3_000)) {
      throw new Error(
        `PostgreSQL already runs on ${dir} (process ${found.pid}): it is in use, perhaps by another \`npm start\``
      )
    }
    await sleep(50)
  }
}

/** A postmaster's working directory is its cluster. */
async function serves(pid: number, dir: string): Promise<boolean> {
  if (process.platform !== "linux") return answers(pid)
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  return cwd === undefined ? false : cwd === (await realpath(dir))
}

const answers = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
