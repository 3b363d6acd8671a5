/**
 * Tries to write a file on a disk that is too small for it, and then on one that may not be written, in a mount namespace
 * of its own. Prints what came of it.
 */
import { Effect, Option, Result } from "effect"
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { header } from "../../src/rendering/header.ts"
import { confIn, targetOf } from "../configured.ts"

const directory = process.argv[2] ?? ""
const path = join(directory, "01.conf")
const mount = (...args: ReadonlyArray<string>) => execFileSync("mount", [...args, directory], { stdio: "inherit" })

const attempt = (text: string) =>
  Effect.gen(function*() {
    const { target } = yield* targetOf(confIn(path))
    const done = yield* Effect.result(
      Effect.andThen(target.prepare(Buffer.from(header("lab") + text)), target.install(1n))
    )
    const placed = yield* target.current
    return {
      error: Result.isFailure(done) ? done.failure.message : "",
      there: readdirSync(directory).sort(),
      content: Option.isSome(placed) ? readFileSync(path, "utf8") : ""
    }
  })

mount("-t", "tmpfs", "-o", "size=64k", "tmpfs")
const report = Effect.gen(function*() {
  const good = yield* attempt("good\n")
  const full = yield* attempt("x".repeat(100_000))
  mount("-o", "remount,bind,ro")
  return { good, full, readOnly: yield* attempt("other\n") }
})
process.stdout.write(JSON.stringify(await Effect.runPromise(Effect.scoped(report))))
