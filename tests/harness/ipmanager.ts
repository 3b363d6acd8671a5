/** The administrator's command line as a process, against the registry of a system. */
import { eventually } from "@leasehold/devstack/test"
import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { type System } from "./System.ts"

const main = new URL("../../apps/ipmanager/src/main.ts", import.meta.url).pathname

/** Where the registry said that it serves its API. */
const addressOf = (log: string): string | undefined =>
  log.split("\n").flatMap((line) => {
    if (!line.includes("\"api listening\"")) return []
    const fields: unknown = JSON.parse(line)
    return [String(Reflect.get(Object(fields), "url"))]
  }).at(-1)

/** Gives the standard output; fails with what the program said when it refuses. */
export const ipmanagerOf = async (system: System) => {
  const url = await eventually(
    "the registry serves its API",
    async () => addressOf(await readFile(join(system.data, "registry.log"), "utf8"))
  )
  return async (...args: ReadonlyArray<string>): Promise<string> => {
    const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], {
      env: { PATH: process.env["PATH"], HOME: system.data, IPMANAGER_SERVER: url }
    })
    return stdout
  }
}
