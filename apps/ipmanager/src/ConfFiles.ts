/**
 * dnsmasq's configuration with all that it includes: `conf-file`, `conf-dir`, `dhcp-hostsfile`, `dhcp-hostsdir` and
 * `read-ethers`, in the order in which dnsmasq reads them.
 *
 * A file is read once, however often it is included. What cannot be read is told, with the line that names it.
 */
import { Effect, FileSystem, Path, type PlatformError } from "effect"
import { type BrokenLine, decodeText, isUtf16 } from "./domain/decodeText.ts"
import type { Place } from "./domain/imports/ImportItem.ts"
import { confLines, type Include, includesOf } from "./domain/review/confLines.ts"

export interface ReadFile {
  readonly path: string
  readonly kind: "conf" | "hosts" | "ethers"
  readonly text: string
  /** Lines that are no UTF-8. */
  readonly broken: ReadonlyArray<BrokenLine>
}

export interface Unreadable {
  readonly path: string
  /** Where it is included; undefined of a file that was given by name. */
  readonly from: Place | undefined
  readonly reason: string
}

export interface ConfTree {
  readonly files: ReadonlyArray<ReadFile>
  readonly unreadable: ReadonlyArray<Unreadable>
}

/** More than any sane configuration has; a directory that includes itself through links ends here. */
const mostFiles = 10_000

/** A hosts file of 100,000 entries has six megabytes. */
const largestBytes = 64 * 1024 * 1024

const reasons: Readonly<Record<string, string>> = {
  NotFound: "it does not exist",
  PermissionDenied: "permission denied",
  BadResource: "it is a directory"
}

/** Why a file cannot be read, in words. */
export const reasonOf = ({ reason }: PlatformError.PlatformError): string => reasons[reason._tag] ?? reason._tag

export const readTextFile = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const { size, type } = yield* fs.stat(path)
  if (type === "Directory") return yield* Effect.fail("it is a directory")
  if (size > largestBytes) return yield* Effect.fail("it is larger than 64 MiB")
  const bytes = yield* fs.readFile(path)
  if (isUtf16(bytes)) return yield* Effect.fail("it is UTF-16: save it as UTF-8")
  return decodeText(bytes)
}, Effect.mapError((error) => (typeof error === "string" ? error : reasonOf(error))))

interface Pending {
  readonly path: string
  readonly kind: Include["kind"]
  readonly from: Place | undefined
  readonly accepts: Include["accepts"]
  /** An entry of a directory: dnsmasq takes regular files, and nothing below. */
  readonly isEntry?: boolean
}

export const readConfTree = Effect.fn("readConfTree")(function*(paths: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const names = yield* Path.Path
  const seen = new Set<string>()
  const files: Array<ReadFile> = []
  const unreadable: Array<Unreadable> = []
  const pending: Array<Pending> = paths.map((path) => ({ path, kind: "conf", from: undefined, accepts: () => true }))

  /** `conf-file=/etc/dnsmasq.d/*.conf`. */
  const matching = Effect.fnUntraced(function*(pattern: string) {
    const directory = names.dirname(pattern)
    const entries = yield* Effect.orElseSucceed(fs.readDirectory(directory), () => [])
    const parts = names.basename(pattern).split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/gu, "\\$&"))
    const shape = new RegExp(`^${parts.join(".*")}$`, "u")
    return entries.filter((name) => shape.test(name)).toSorted().map((name) => names.join(directory, name))
  })
  const typeOf = (path: string) => Effect.orElseSucceed(Effect.map(fs.stat(path), ({ type }) => type), () => undefined)

  while (pending.length > 0 && seen.size < mostFiles) {
    const one = pending.shift()
    if (one === undefined) break
    const { accepts, from, kind } = one
    const path = names.resolve(one.path)
    if (seen.has(path)) continue
    seen.add(path)
    if (kind === "conf" && names.basename(path).includes("*")) {
      const found = yield* matching(path)
      pending.unshift(...found.map((path) => ({ path, kind, from, accepts, isEntry: true })))
      continue
    }
    const type = yield* typeOf(path)
    if (one.isEntry === true && type !== undefined && type !== "File") continue
    // `dhcp-hostsfile` takes a directory as well, and a directory that is given by name is meant as `conf-dir`.
    if (kind === "conf-dir" || kind === "hosts-dir" || (kind !== "ethers" && type === "Directory")) {
      const entries = yield* Effect.result(fs.readDirectory(path))
      if (entries._tag === "Failure") {
        unreadable.push({ path, from, reason: reasonOf(entries.failure) })
        continue
      }
      const inside = kind.startsWith("conf") ? "conf" as const : "hosts" as const
      const wanted = entries.success.filter((name) => accepts(name) && !/^\.|~$|^#.*#$/u.test(name)).toSorted()
      pending.unshift(
        ...wanted.map((name) => ({ path: names.join(path, name), kind: inside, from, accepts, isEntry: true }))
      )
      continue
    }
    const read = yield* Effect.result(readTextFile(path))
    if (read._tag === "Failure") {
      unreadable.push({ path, from, reason: read.failure })
      continue
    }
    const { broken, text } = read.success
    files.push({ path, kind, text, broken })
    if (kind === "conf") {
      pending.unshift(
        ...includesOf(confLines(path, text)).map(({ place, ...rest }) => ({ ...rest, from: place }))
      )
    }
  }
  const tree: ConfTree = { files, unreadable }
  return tree
})
