/**
 * Which paths a configuration from the bus may name: those under an allowed directory, wherever links lead.
 *
 * What the ingest was started with is allowed as it is: who starts it decides. A link that is turned later is found at the next look.
 */
import { sanitizeText } from "@leasehold/events"
import { Effect } from "effect"
import { lstat, realpath } from "node:fs/promises"
import { basename, dirname, join, sep } from "node:path"

const isThere = (path: string) => lstat(path).then(() => true, () => false)

/** Where a path leads through every link. What is not there stays as it is written; undefined where nobody can say. */
const destination = async (path: string): Promise<string | undefined> => {
  const found = await realpath(path).catch((error: NodeJS.ErrnoException) => error.code)
  if (found?.startsWith(sep) === true) return found
  // A link that leads nowhere yet, or a place that may not be looked at.
  if (found !== "ENOENT" || await isThere(path)) return undefined
  const parent = await destination(dirname(path))
  return parent === undefined ? undefined : join(parent, basename(path))
}

export interface Allowed {
  readonly directories: ReadonlyArray<string>
  /** As the ingest was started. */
  readonly files: ReadonlyArray<string>
}

/** Why the first of them that may not be followed may not; undefined when all may. */
export const refusalOfPaths = (paths: ReadonlyArray<string>, { directories, files }: Allowed) =>
  Effect.promise(async () => {
    const roots = (await Promise.all(directories.map(destination))).filter((root) => root !== undefined)
    for (const path of paths) {
      if (files.includes(path)) continue
      const target = await destination(path)
      if (target === undefined) return sanitizeText(`nobody can say where ${path} leads`)
      if (roots.some((root) => target.startsWith(root.endsWith(sep) ? root : root + sep))) continue
      const leads = target === path ? path : `${path} leads to ${target}, which`
      return sanitizeText(`${leads} is not under an allowed directory (${directories.join(", ")})`)
    }
    return undefined
  })
