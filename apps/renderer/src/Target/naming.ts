/**
 * Where the file lies and what it is called: always the same in mode conf, its generation in mode hosts.
 *
 * A path of mode conf that is a symbolic link is followed, and the file that it leads to is replaced.
 */
import { Effect, FileSystem, Option } from "effect"
import { basename, dirname, join, resolve } from "node:path"
import { type Mode } from "../RendererConfig.ts"

export interface Place {
  readonly directory: string
  /** What our own dot-files there are called after. */
  readonly stem: string
  readonly isName: (name: string) => boolean
  readonly nameOf: (generation: bigint) => string
}

// 2^63 has nineteen digits.
const digits = 19
const generationName = /^\d{19}$/u

const followed = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const link = yield* Effect.option(fs.readLink(file))
  if (Option.isNone(link)) return file
  const end = resolve(dirname(file), link.value)
  return yield* Effect.orElseSucceed(fs.realPath(file), () => end)
})

export const findPlace = Effect.fnUntraced(function*(mode: Mode) {
  const fs = yield* FileSystem.FileSystem
  if (mode._tag === "Hosts") {
    const place: Place = {
      directory: yield* fs.realPath(mode.directory),
      stem: "leasehold",
      isName: (name) => generationName.test(name),
      nameOf: (generation) => generation.toString().padStart(digits, "0")
    }
    return place
  }
  const file = yield* followed(mode.file)
  const stem = basename(file)
  const place: Place = {
    directory: yield* fs.realPath(dirname(file)),
    stem,
    isName: (name) => name === stem,
    nameOf: () => stem
  }
  return place
})

/** The paths under which dnsmasq may name a file of the directory: as it was configured, or as it really is. */
export const pathsOf = (configured: string, path: string): ReadonlySet<string> =>
  new Set([path, join(configured, basename(path))])
