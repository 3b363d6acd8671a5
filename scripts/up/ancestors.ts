/**
 * Notices that whoever started this process is gone: `npm`, its shell, or the bootstrap.
 *
 * Without it a `kill -9` of `npm start` would leave this process to the machine's first one. What this process itself
 * started is ended by the kernel.
 */
import { readFileSync } from "node:fs"

/** Parent, its parent, and so on up to and including `npm`; just the parent where there is none. Linux only. */
export function ancestors(): ReadonlyArray<number> {
  const chain: Array<number> = []
  let pid = process.ppid
  while (pid > 1 && chain.length < 5) {
    chain.push(pid)
    const stat = readStat(pid)
    if (stat === undefined || stat.name.startsWith("npm")) break
    pid = stat.parent
  }
  const npm = chain.findIndex((one) => readStat(one)?.name.startsWith("npm") === true)
  return npm < 0 ? chain.slice(0, 1) : chain.slice(0, npm + 1)
}

function readStat(pid: number): { readonly name: string; readonly parent: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8")
    const end = text.lastIndexOf(")")
    return { name: text.slice(text.indexOf("(") + 1, end), parent: Number(text.slice(end + 2).split(" ")[1]) }
  } catch {
    return undefined
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

/** Calls back once when the first of them is gone. Returns what stops the watch. */
export function whenOrphaned(gone: () => void): () => void {
  const watched = ancestors()
  const timer = setInterval(() => {
    if (watched.every(isAlive)) return
    clearInterval(timer)
    gone()
  }, 500)
  timer.unref()
  return () => clearInterval(timer)
}
