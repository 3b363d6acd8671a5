/**
 * A renderer that looks once, and kills itself (SIGKILL) just before the n-th time that it changes the file system, or in
 * the middle of it. Prints what it died of; ends by itself when there is no n-th time.
 */
import { NodeServices } from "@effect/platform-node"
import { Effect, FileSystem, Layer, Logger } from "effect"
import { writeSync } from "node:fs"
import { rendererLayer } from "../../src/index.ts"
import { Renderer } from "../../src/Renderer.ts"

const last = Number(process.argv[2])
let count = 0

const isLast = () => ++count === last
const die = (what: string) =>
  Effect.sync(() => {
    writeSync(1, what)
    process.kill(process.pid, "SIGKILL")
  })
const before = <A, E, R>(what: string, self: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => isLast() ? Effect.andThen(die(what), self) : self)

const dyingFile = (file: FileSystem.File): FileSystem.File =>
  new Proxy(file, {
    get: (target, key) => {
      if (key === "sync") return before("sync", target.sync)
      if (key !== "writeAll") return Reflect.get(target, key, target)
      return (bytes: Uint8Array) =>
        Effect.suspend(() =>
          isLast()
            ? Effect.andThen(target.writeAll(bytes.subarray(0, bytes.length >> 1)), die("half a write"))
            : target.writeAll(bytes)
        )
    }
  })

const Dying = Layer.effect(
  FileSystem.FileSystem,
  Effect.map(FileSystem.FileSystem, (fs) =>
    FileSystem.FileSystem.of({
      ...fs,
      chmod: (path, mode) => before("chmod", fs.chmod(path, mode)),
      link: (from, to) => before("link", fs.link(from, to)),
      open: (path, options) => {
        const opened = Effect.map(fs.open(path, options), dyingFile)
        return options?.flag === undefined ? opened : before("open", opened)
      },
      remove: (path, options) => before("remove", fs.remove(path, options)),
      rename: (from, to) => before("rename", fs.rename(from, to)),
      writeFile: (path, content, options) => before("writeFile", fs.writeFile(path, content, options))
    }))
)

await Effect.runPromise(
  Effect.flatMap(Renderer, ({ cycle }) => cycle).pipe(
    Effect.provide(
      rendererLayer.pipe(
        Layer.provide(Dying),
        Layer.provideMerge(NodeServices.layer),
        Layer.provideMerge(Logger.layer([]))
      )
    )
  )
)
