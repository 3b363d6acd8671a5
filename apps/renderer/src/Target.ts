/**
 * The file that dnsmasq reads, and everything that happens in its directory.
 *
 * At every instant there is exactly one whole file: the one before or the one after. What is kept beside it has a name
 * beginning with a dot, which dnsmasq passes over: `.X.candidate` is being written or checked, `.X.previous` is what to
 * go back to, `.X.foreign-…` was there before us, and `.X.unverified` is there for as long as nobody knows whether
 * dnsmasq uses what is in place. A file of another server is never touched.
 */
import { Context, Effect, FileSystem, Layer, Option, type PlatformError, Predicate, Schema } from "effect"
import { createHash } from "node:crypto"
import { basename, join } from "node:path"
import { RendererConfig } from "./RendererConfig.ts"
import { headerBytes, isOurs, serverOf } from "./rendering/header.ts"
import { findPlace, type Place } from "./Target/naming.ts"

export class TargetError extends Schema.TaggedError<TargetError>()("TargetError", {
  action: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `cannot ${this.action}: ${this.problem}`
  }
}

export interface Placed {
  readonly path: string
  readonly hash: string
}

export const hashOf = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex")

/** `ENOSPC: no space left on device, write '/etc/…'`, as the system says it. */
const problemOf = ({ reason }: PlatformError.PlatformError) =>
  Predicate.hasProperty(reason.cause, "message") ? String(reason.cause.message) : reason.message

const failing = (action: string) =>
  Effect.mapError((error: PlatformError.PlatformError | TargetError) =>
    error instanceof TargetError ? error : new TargetError({ action, problem: problemOf(error) })
  )

export class Target extends Context.Service<Target, {
  /** What is in place; none when there is nothing. */
  readonly current: Effect.Effect<Option.Option<Placed>, TargetError>
  /** Since when nobody knows whether dnsmasq uses what is in place; none when it does. */
  readonly unverifiedSince: Effect.Effect<Option.Option<Date>, TargetError>
  /** Clears away what an earlier run left unfinished. */
  readonly tidy: Effect.Effect<void, TargetError>
  /** Writes a candidate, down to the disk, and returns its path. */
  prepare(content: Uint8Array): Effect.Effect<string, TargetError>
  readonly discard: Effect.Effect<void>
  /** Puts the candidate where the file is, keeps that to go back to, and returns the path. */
  install(generation: bigint): Effect.Effect<string, TargetError>
  /** Notes that what is in place is activated as it is. */
  readonly markUnverified: Effect.Effect<void, TargetError>
  /** Puts back what was in place before; none when there was nothing, and then there is nothing again. */
  readonly restore: Effect.Effect<Option.Option<string>, TargetError>
  /** Notes that dnsmasq uses what is in place. */
  readonly markVerified: Effect.Effect<void, TargetError>
}>()("renderer/Target") {
  static readonly layer = Layer.effect(
    Target,
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const { mode, server } = yield* RendererConfig
      const findOurs = Effect.provideService(findPlace(mode), FileSystem.FileSystem, fs)

      const candidateOf = ({ directory, stem }: Place) => join(directory, `.${stem}.candidate`)
      const markOf = ({ directory, stem }: Place) => join(directory, `.${stem}.unverified`)
      const beginningOf = (path: string) =>
        Effect.scoped(Effect.flatMap(fs.open(path), (file) => file.readAlloc(headerBytes)))
      const refuseOthers = Effect.fnUntraced(function*(path: string) {
        const owner = Option.map(yield* beginningOf(path), serverOf)
        if (Option.isNone(owner) || owner.value === undefined || owner.value === server) return
        return yield* new TargetError({
          action: `write ${path}`,
          problem: `it is the file of the server ${owner.value}; give each server its own, or remove that one`
        })
      })
      /** Our files of a directory: those in place, and those to go back to; one of each at most, but for accidents. */
      const present = Effect.fnUntraced(function*({ directory, isName }: Place) {
        const entries = (yield* fs.readDirectory(directory)).sort()
        const files = entries.filter(isName).map((name) => join(directory, name))
        yield* Effect.forEach(files, refuseOthers)
        return {
          files,
          previous: entries.flatMap((entry) => {
            const [, name = ""] = /^\.(.+)\.previous$/u.exec(entry) ?? []
            return isName(name) ? [{ name, path: join(directory, entry) }] : []
          })
        }
      })
      const remove = (path: string) => fs.remove(path, { force: true })
      /** A second name for a file, or a copy where the file system has no such thing. */
      const keep = (path: string, as: string) =>
        Effect.andThen(remove(as), Effect.catch(fs.link(path, as), () => fs.copyFile(path, as)))
      /** Piece by piece: a large file would stay in memory until the next collection. */
      const hashFile = Effect.fnUntraced(function*(path: string) {
        const file = yield* fs.open(path)
        const hash = createHash("sha256")
        const piece = new Uint8Array(262_144)
        for (;;) {
          const length = yield* file.read(piece)
          if (length === 0) return hash.digest("hex")
          hash.update(piece.subarray(0, length))
        }
      })
      const syncDirectory = (directory: string) =>
        Effect.scoped(Effect.flatMap(fs.open(directory), (file) => file.sync))
      /** Both steps leave exactly one file under a name that dnsmasq reads. */
      const replace = Effect.fnUntraced(function*(from: string, current: string | undefined, to: string) {
        yield* fs.rename(from, current ?? to)
        if (current !== undefined && current !== to) yield* fs.rename(current, to)
      })

      const keepForeign = Effect.fnUntraced(function*(path: string, { directory }: Place) {
        if (Option.exists(yield* beginningOf(path), isOurs)) return
        const hash = yield* Effect.scoped(hashFile(path))
        const kept = join(directory, `.${basename(path)}.foreign-${hash.slice(0, 12)}`)
        yield* keep(path, kept)
        yield* Effect.logWarning("kept a file that somebody else wrote", { path, kept })
      })

      const begin = Effect.fnUntraced(function*(place: Place) {
        const { files, previous } = yield* present(place)
        const current = files.at(-1)
        // While the mark is there, what is in place is not known to be good, and what was kept before it is.
        if (!(yield* fs.exists(markOf(place)))) {
          for (const { path } of previous) yield* remove(path)
          if (current !== undefined) yield* keep(current, join(place.directory, `.${basename(current)}.previous`))
        }
        yield* fs.writeFile(markOf(place), new Uint8Array())
        return current
      })

      return Target.of({
        current: Effect.gen(function*() {
          const path = (yield* present(yield* findOurs)).files.at(-1)
          if (path === undefined) return Option.none<Placed>()
          return Option.some({ path, hash: yield* Effect.scoped(hashFile(path)) })
        }).pipe(failing("read the file in place")),

        unverifiedSince: Effect.gen(function*() {
          const mark = markOf(yield* findOurs)
          if (!(yield* fs.exists(mark))) return Option.none<Date>()
          return (yield* fs.stat(mark)).mtime
        }).pipe(failing("look for an activation that was not finished")),

        tidy: Effect.gen(function*() {
          const place = yield* findOurs
          yield* remove(candidateOf(place))
          const { files } = yield* present(place)
          for (const path of files.slice(0, -1)) {
            yield* keepForeign(path, place)
            yield* remove(path)
          }
        }).pipe(failing("tidy the directory")),

        prepare: Effect.fn("Target.prepare")(function*(content) {
          const path = candidateOf(yield* findOurs)
          yield* remove(path)
          yield* Effect.scoped(Effect.gen(function*() {
            const file = yield* fs.open(path, { flag: "wx", mode: 0o644 })
            yield* fs.chmod(path, 0o644)
            yield* file.writeAll(content)
            yield* file.sync
          })).pipe(Effect.onError(() => Effect.ignore(remove(path))))
          return path
        }, failing("write the new file")),

        discard: Effect.ignore(Effect.flatMap(findOurs, (place) => remove(candidateOf(place)))),

        install: Effect.fn("Target.install")(function*(generation) {
          const place = yield* findOurs
          const before = (yield* present(place)).files.at(-1)
          if (before !== undefined) yield* keepForeign(before, place)
          const current = yield* begin(place)
          const to = join(place.directory, place.nameOf(generation))
          yield* replace(candidateOf(place), current, to)
          yield* syncDirectory(place.directory)
          return to
        }, failing("put the new file in place")),

        markUnverified: Effect.asVoid(Effect.flatMap(findOurs, begin)).pipe(failing("note an activation")),

        restore: Effect.gen(function*() {
          const place = yield* findOurs
          const { files, previous } = yield* present(place)
          const current = files.at(-1)
          const last = previous.at(-1)
          if (last === undefined) {
            if (current !== undefined) yield* fs.remove(current)
            yield* syncDirectory(place.directory)
            return Option.none<string>()
          }
          const to = join(place.directory, last.name)
          const candidate = candidateOf(place)
          yield* keep(last.path, candidate)
          yield* replace(candidate, current, to)
          // When both were names of one file, rename did nothing.
          yield* remove(candidate)
          yield* syncDirectory(place.directory)
          return Option.some(to)
        }).pipe(failing("put the previous file back")),

        markVerified: Effect.flatMap(findOurs, (place) => remove(markOf(place))).pipe(
          failing("note a verified activation")
        )
      })
    })
  )
}
