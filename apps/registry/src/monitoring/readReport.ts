/** An entry of the bucket `ingest-status` as a report; none where it is not one. What is in the bucket was written by others. */
import { decodeIngestReport, parseStatusKey } from "@leasehold/events"
import { Effect, Option } from "effect"

export const readReport = Effect.fnUntraced(function*(key: string, value: string) {
  const names = parseStatusKey(key)
  const report = yield* Effect.option(decodeIngestReport(value))
  return Option.map(Option.all({ names, report }), ({ names, report }) => ({ ...names, report }))
})
