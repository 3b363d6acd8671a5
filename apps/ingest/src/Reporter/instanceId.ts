/** What tells one ingest from the others of its server: random, and kept in its state directory. */
import { InstanceId } from "@leasehold/events"
import { Effect, Option, Schema } from "effect"
import { randomBytes } from "node:crypto"
import { mkdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { writeWhole } from "../wholeFile.ts"

const decode = Schema.decodeOption(InstanceId)

/** Where it cannot be kept, it is new with each start. */
export const instanceId = Effect.fnUntraced(function*(stateDirectory: string) {
  const file = join(stateDirectory, "instance")
  const known = decode((yield* Effect.promise(() => readFile(file, "utf8").catch(() => ""))).trim())
  if (Option.isSome(known)) return known.value
  const made = InstanceId.make(randomBytes(8).toString("hex"))
  yield* Effect.promise(() =>
    mkdir(stateDirectory, { recursive: true, mode: 0o750 }).then(() => writeWhole(file, `${made}\n`)).catch(() =>
      undefined
    )
  )
  return made
})
