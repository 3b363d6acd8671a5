/** A thread that reads the one file of a directory, as fast as it can, until it is told to stop, and reports what it saw. */
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { parentPort, workerData } from "node:worker_threads"

const { directory, stop }: { readonly directory: string; readonly stop: SharedArrayBuffer } = workerData
const flag = new Int32Array(stop)
const contents = new Map<string, number>()
const crowds = new Set<string>()

const read = (name: string): string | undefined => {
  try {
    return readFileSync(join(directory, name), "utf8")
  } catch {
    // It was renamed between the two looks.
    return undefined
  }
}

while (Atomics.load(flag, 0) === 0) {
  const names = readdirSync(directory).filter((name) => !name.startsWith("."))
  if (names.length !== 1) crowds.add(names.join(", "))
  for (const name of names) {
    const text = read(name)
    if (text === undefined) continue
    const hash = createHash("sha256").update(text).digest("hex")
    contents.set(hash, (contents.get(hash) ?? 0) + 1)
  }
}
parentPort?.postMessage({ contents, crowds }, [])
