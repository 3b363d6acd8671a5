/** Carries an import out: a trial first, its differences and problems, the question, then all or nothing. */
import { ImportMode, type ImportReservationsResponse } from "@leasehold/registry-api"
import { Effect, type Option } from "effect"
import { confirm } from "../../changes.ts"
import { Failure } from "../../domain/Failure.ts"
import { type ImportFormat } from "../../domain/imports/detectFormat.ts"
import { type ImportItem, type ImportProblem } from "../../domain/imports/ImportItem.ts"
import {
  differenceLines,
  differenceObjects,
  problemLine,
  problemObject,
  registryProblems
} from "../../domain/imports/preview.ts"
import { takeOut } from "../../domain/imports/takeOut.ts"
import { toReservation } from "../../domain/imports/toReservation.ts"
import type { Column } from "../../domain/output/Column.ts"
import { harmless } from "../../domain/output/harmless.ts"
import { jsonText } from "../../domain/output/json.ts"
import { counted } from "../../domain/words.ts"
import { orUndefined } from "../../globals.ts"
import { format, printOne } from "../../print.ts"
import { longCallTimeout, Registry } from "../../Registry.ts"
import { Screen } from "../../Screen.ts"
import { readImport } from "./readImport.ts"

const modes = { add: ImportMode.ADD, update: ImportMode.UPDATE, replace: ImportMode.REPLACE } as const

/** Items in one message of the stream. */
const chunkItems = 1000

/** Problems that people are shown; programs get all. */
const shownProblems = 100

/** Differences that people are shown before they are asked; `--dry-run` shows up to a thousand. */
const shownDifferences = 50

const bar = (done: number, all: number): string => {
  const share = all === 0 ? 1 : done / all
  const filled = Math.round(share * 30)
  return `\r[${"#".repeat(filled)}${" ".repeat(30 - filled)}] ${done} of ${all}`
}

const send = Effect.fnUntraced(function*(items: ReadonlyArray<ImportItem>, mode: ImportMode, dryRun: boolean) {
  const registry = yield* Registry
  const screen = yield* Screen
  const context = yield* Effect.context<never>()
  const draw = (text: string) => screen.progress ? Effect.runPromiseWith(context)(screen.err(text)) : Promise.resolve()
  const requests = async function*() {
    for (let at = 0; at < Math.max(1, items.length); at += chunkItems) {
      yield { reservations: items.slice(at, at + chunkItems).map(toReservation), mode, dryRun }
      await draw(bar(Math.min(at + chunkItems, items.length), items.length))
    }
  }
  const clear = screen.progress ? screen.err("\r\u001b[K") : Effect.void
  return yield* Effect.ensuring(
    registry.call((client, call) =>
      client.ipam.importReservations(requests(), { ...call, timeoutMs: longCallTimeout })
    ),
    clear
  )
})

const totals = (answer: ImportReservationsResponse) =>
  `${answer.created} to add, ${answer.changed} to change, ${answer.removed} to remove, ${answer.unchanged} as they are`

const countColumns: ReadonlyArray<Column<ImportReservationsResponse>> = [
  { key: "created", value: ({ created }) => created },
  { key: "changed", value: ({ changed }) => changed },
  { key: "unchanged", value: ({ unchanged }) => unchanged },
  { key: "removed", value: ({ removed }) => removed },
  { key: "change", value: ({ change }) => (change === 0n ? undefined : change) }
]

const report = Effect.fnUntraced(function*(problems: ReadonlyArray<ImportProblem>, unshown: number) {
  const screen = yield* Screen
  const sorted = problems.toSorted((one, other) => Number(other.refused) - Number(one.refused))
  const shown = sorted.slice(0, shownProblems).map((problem) => `${problemLine(problem, screen.colour)}\n`).join("")
  const more = problems.length + unshown - Math.min(problems.length, shownProblems)
  yield* screen.err(`${shown}${more > 0 ? `and ${more} more\n` : ""}`)
})

interface Trial {
  readonly answer: ImportReservationsResponse | undefined
  readonly items: ReadonlyArray<ImportItem>
  readonly problems: ReadonlyArray<ImportProblem>
}

const asObject = ({ answer, items, problems }: Trial) => ({
  items: items.length,
  created: Number(answer?.created ?? 0),
  changed: Number(answer?.changed ?? 0),
  unchanged: Number(answer?.unchanged ?? 0),
  removed: Number(answer?.removed ?? 0),
  problems: problems.map(problemObject),
  differences: answer === undefined ? [] : differenceObjects(answer, items)
})

export const runImport = Effect.fn("runImport")(function*(input: {
  readonly files: ReadonlyArray<string>
  readonly format: ImportFormat | "auto"
  readonly mode: keyof typeof modes
  readonly subnet: Option.Option<string>
  readonly dryRun: boolean
}) {
  const screen = yield* Screen
  const form = yield* format
  const { inConf, items, problems: local } = yield* readImport(input.files, input.format, orUndefined(input.subnet))
  const mode = modes[input.mode]
  // What cannot be read is told together with what the registry says of the rest.
  const answer = items.length === 0 ? undefined : yield* send(items, mode, true)
  const problems = [...local, ...(answer === undefined ? [] : registryProblems(answer, items))]
  const trial: Trial = { answer, items, problems }
  const refused = problems.filter((problem) => problem.refused).length
  const unshown = answer === undefined ? 0 : Number(answer.problemCount) - answer.problems.length

  if (form === "json" && (input.dryRun || refused > 0)) yield* screen.out(`${jsonText(asObject(trial), 2)}\n`)
  else yield* report(problems, unshown)
  if (refused + unshown > 0) {
    return yield* new Failure({
      reason: "failed",
      message: `${counted(refused + unshown, "problem")} in ${input.files.join(", ")}; nothing was imported`,
      advice: input.mode === "add"
        ? "Correct the lines above, or leave them out. What is there already is changed with --mode update."
        : "Correct the lines above, or leave them out."
    })
  }
  if (answer === undefined) {
    return yield* new Failure({
      reason: "failed",
      message: `there is no host to import in ${input.files.join(", ")}`,
      advice: "See `ipmanager import --help` for the formats; --format says which one it is."
    })
  }

  const all = Number(answer.created + answer.changed + answer.removed)
  const lines = differenceLines(answer, screen.colour).slice(0, input.dryRun ? undefined : shownDifferences)
  const preview = lines.map((line) => `${line}\n`).join("")
    + (all > lines.length ? `and ${all - lines.length} more\n` : "")
  if (input.dryRun) {
    if (form === "text") yield* screen.out(preview)
    if (form === "csv") {
      yield* screen.err(preview)
      yield* printOne(countColumns, answer)
    }
    return yield* screen.err(`dry run: ${totals(answer)}; nothing was changed\n`)
  }
  const left = takeOut(inConf)
  const tellLeft = left === undefined ? Effect.void : screen.err(`${harmless(left)}\n`)
  if (all === 0) {
    yield* screen.err(`${counted(answer.unchanged, "host")} there already; nothing had to be changed\n`)
    yield* tellLeft
    return form === "text" ? undefined : yield* printOne(countColumns, answer)
  }
  yield* screen.err(`${preview}${totals(answer)}\n`)
  yield* confirm(`Import ${counted(items.length, "host")}?`)

  const done = yield* send(items, mode, false)
  if (done.problemCount > 0n) {
    yield* report(registryProblems(done, items), Number(done.problemCount) - done.problems.length)
    return yield* new Failure({
      reason: "failed",
      message: "something else was changed meanwhile; nothing was imported",
      advice: "Try again."
    })
  }
  yield* screen.err(`done; take it back with: ipmanager undo ${done.change}\n`)
  yield* tellLeft
  yield* printOne(countColumns, done)
})
