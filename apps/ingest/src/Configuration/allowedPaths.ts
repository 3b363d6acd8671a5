/**
 * Which paths a configuration from the bus may name: those under an allowed directory, wherever links lead.
 *
 * What the ingest was started with is allowed as it is: who starts it decides. A link that is turned later is found at the next look.
 */
import { sanitizeText } from "@leasehold/events"
import { Effect } from "effect"
import { readlink } from "node:fs/promises"
import { join, sep } from "node:path"

/** More links on one path than this are a circle; the kernel thinks so too. */
const mostLinks = 40

const linkAt = (path: string) =>
  readlink(path).then(
    (target) => ({ target, code: undefined }),
    ({ code }: NodeJS.ErrnoException) => ({ target: undefined, code })
  )

/**
 * Where a path leads through every link, also one to what is not there yet; undefined where nobody can say. Part by part, as the
 * kernel goes: what `..` means depends on where the links before it led.
 */
const destination = async (path: string): Promise<string | undefined> => {
  const parts = path.split(sep)
  let place: string = sep
  let links = 0
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    const next = join(place, part)
    const { code, target } = part === "" || part === "." || part === ".." ? { code: "EINVAL" } : await linkAt(next)
    if (target !== undefined) {
      if (++links > mostLinks) return undefined
      if (target.startsWith(sep)) place = sep
      parts.unshift(...target.split(sep))
    } else if (code === "EINVAL" || code === "ENOENT") {
      // No link, or nothing at all.
      place = next
    } else {
      return undefined
    }
  }
  return place
}

export interface Allowed {
  readonly directories: ReadonlyArray<string>
  /** As the ingest was started. */
  readonly files: ReadonlyArray<string>
}

/**
 * Why the first of them that may not be followed may not; undefined when all may. Of those that are followed already, it is enough
 * that nobody can say where they lead: then they cannot be opened either.
 */
export const refusalOfPaths = (
  paths: ReadonlyArray<string>,
  { directories, files }: Allowed,
  followed = false
): Effect.Effect<string | undefined> =>
  Effect.promise(async () => {
    const roots = (await Promise.all(directories.map(destination))).filter((root) => root !== undefined)
    for (const path of paths) {
      if (files.includes(path)) continue
      const target = await destination(path)
      if (target === undefined) {
        if (followed) continue
        return sanitizeText(`nobody can say where ${path} leads`)
      }
      if (roots.some((root) => target.startsWith(root.endsWith(sep) ? root : root + sep))) continue
      const leads = target === path ? path : `${path} leads to ${target}, which`
      return sanitizeText(`${leads} is not under an allowed directory (${directories.join(", ")})`)
    }
    return undefined
  })
