/**
 * Generates the code of the registry's API from its definition in `libs/registry-api/proto/`.
 *
 * With `--check` it writes nothing, and fails where the definition is not well formed or lint-free, where it breaks a
 * caller of the last release (`released.binpb`), or where the code is not what it would write. `--release` takes the
 * definition as it is for the one that must not be broken from now on.
 */
import { spawnSync } from "node:child_process"
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const root = new URL("../libs/registry-api/", import.meta.url).pathname
const generated = join(root, "src/gen")

const buf = (...args: ReadonlyArray<string>) => {
  const { error, status } = spawnSync("buf", args, { cwd: root, stdio: "inherit" })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`buf ${args[0]}: exit code ${status}`)
}

const texts = (directory: string) =>
  new Map(
    globSync("**/*.ts", { cwd: directory }).map((path) => [path, readFileSync(join(directory, path), "utf8")])
  )

const check = () => {
  buf("lint")
  buf("format", "--diff", "--exit-code")
  buf("breaking", "--against", "released.binpb")
  const scratch = mkdtempSync(join(tmpdir(), "leasehold-api-"))
  try {
    buf("generate", "--output", scratch)
    const [present, wanted] = [texts(generated), texts(join(scratch, "src/gen"))]
    const faults = [...new Set([...present.keys(), ...wanted.keys()])].filter((path) =>
      present.get(path) !== wanted.get(path)
    )
    if (faults.length > 0) throw new Error(`not what \`npm run generate:api\` writes: ${faults.join(", ")}`)
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

const generate = () => {
  const scratch = mkdtempSync(join(tmpdir(), "leasehold-api-"))
  try {
    buf("format", "--write")
    buf("generate", "--output", scratch)
    rmSync(generated, { recursive: true, force: true })
    cpSync(join(scratch, "src/gen"), generated, { recursive: true })
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

try {
  if (process.argv.includes("--check")) check()
  else if (process.argv.includes("--release")) buf("build", "--output", "released.binpb")
  else generate()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
