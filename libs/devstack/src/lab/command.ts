/** Runs one command to its end, with the administrator's programs on the path and messages in plain English. */
import { spawn } from "node:child_process"
import { delimiter } from "node:path"

export const labEnvironment = (): NodeJS.ProcessEnv => {
  const { NODE_OPTIONS: _, ...rest } = process.env
  return { ...rest, PATH: [process.env["PATH"], "/usr/sbin", "/sbin"].join(delimiter), LC_ALL: "C" }
}

/** Resolves with what it wrote to stdout; fails with what it wrote to stderr. */
export function run(command: ReadonlyArray<string>, input = ""): Promise<string> {
  const [file = "", ...args] = command
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env: labEnvironment(), stdio: "pipe" })
    let stdout = ""
    let stderr = ""
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => stdout += chunk)
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => stderr += chunk)
    child.once("error", reject)
    child.once(
      "close",
      (code) =>
        code === 0 ? resolve(stdout) : reject(new Error(`${command.join(" ")}: ${stderr.trim() || `status ${code}`}`))
    )
    child.stdin.on("error", () => undefined)
    child.stdin.end(input)
  })
}
