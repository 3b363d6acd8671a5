/** An import as messages: items arrive in a stream, and are read as they arrive; the answer is bounded. */
import type { MessageInitShape } from "@bufbuild/protobuf"
import {
  ImportMode as ModeMessage,
  ImportModeSchema,
  type ImportReservationsRequest,
  type ImportReservationsResponseSchema,
  ReservationSource as SourceMessage
} from "@leasehold/registry-api"
import { Effect, Result, Stream } from "effect"
import {
  type Import,
  type Imported,
  type ImportMode,
  type Item,
  mostItems,
  type Problem
} from "../../../ipam/Imports.ts"
import { ApiError } from "../../ApiError.ts"
import { enumName, enumNames } from "../../enumNames.ts"
import { reservationMessage } from "./answers.ts"
import { readReservation } from "./requests.ts"

/** Problems and differences that are told. */
const mostTold = 1_000

const modes: Readonly<Partial<Record<ModeMessage, ImportMode>>> = {
  [ModeMessage.UNSPECIFIED]: "add",
  [ModeMessage.ADD]: "add",
  [ModeMessage.UPDATE]: "update",
  [ModeMessage.REPLACE]: "replace"
}

export const readImport = Effect.fnUntraced(
  function*(requests: Stream.Stream<ImportReservationsRequest, ApiError>) {
    const items: Array<Item> = []
    const problems: Array<Problem> = []
    let count = 0
    let first: { readonly mode: ModeMessage; readonly dryRun: boolean } | undefined
    yield* Stream.runForEach(requests, ({ dryRun, mode, reservations }) =>
      Effect.suspend(() => {
        first ??= { mode, dryRun }
        for (const message of reservations) {
          const index = count++
          const read = readReservation(message, message.enabled)
          if (Result.isSuccess(read))
            items.push({ index, settings: read.success, automatic: message.source === SourceMessage.AUTO })
          else {
            for (const { description, field } of read.failure.violations) {
              problems.push({ item: index, field: field.replace(/^reservation\./u, ""), message: description })
            }
          }
        }
        return count > mostItems
          ? Effect.fail(
            ApiError.refuse("resource-exhausted", `at most ${mostItems} reservations in one import`, "reservations")
          )
          : Effect.void
      }))
    const mode = first === undefined ? undefined : modes[first.mode]
    if (first === undefined || count === 0) return yield* ApiError.invalid("reservations", "one reservation or more")
    if (mode === undefined)
      return yield* ApiError.invalid("mode", enumNames(ImportModeSchema), enumName(ImportModeSchema, first.mode))
    const read: Import = { items, problems, mode, dryRun: first.dryRun }
    return read
  }
)

export const importAnswer = (imported: Imported): MessageInitShape<typeof ImportReservationsResponseSchema> => ({
  created: BigInt(imported.created),
  changed: BigInt(imported.changed),
  unchanged: BigInt(imported.unchanged),
  removed: BigInt(imported.removed),
  problems: imported.problems.slice(0, mostTold).map(({ field, item, message }) => ({
    item: BigInt(item),
    field,
    message
  })),
  problemCount: BigInt(imported.problems.length),
  differences: imported.differences.slice(0, mostTold).map(({ after, before, item }) => ({
    item: BigInt(item),
    ...(before === undefined ? {} : { before: reservationMessage(before) }),
    ...(after === undefined ? {} : { after: reservationMessage(after) })
  })),
  change: imported.change
})
