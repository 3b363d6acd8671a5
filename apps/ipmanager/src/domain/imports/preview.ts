/** What an import would do, and what is in its way: for people line by line, for programs as objects. */
import type { ImportReservationsResponse, Reservation } from "@leasehold/registry-api"
import { cellText, type Column } from "../output/Column.ts"
import { harmless } from "../output/harmless.ts"
import { jsonObject } from "../output/json.ts"
import { type Colour } from "../output/Column.ts"
import { paint } from "../output/table.ts"
import { reservationColumns, reservationLabel } from "../views/reservation.ts"
import { type ImportItem, type ImportProblem, placeText, refuse } from "./ImportItem.ts"

/** The registry counts items; people count lines. */
export const registryProblems = (
  answer: ImportReservationsResponse,
  items: ReadonlyArray<ImportItem>
): ReadonlyArray<ImportProblem> => {
  const placeOf = (index: number) => items[index]?.place ?? { file: "import", line: index + 1 }
  return answer.problems.map(({ field, item, message }) =>
    refuse(
      placeOf(Number(item)),
      field,
      message.replace(/\bitem (\d+)\b/gu, (_, index: string) => placeText(placeOf(Number(index))))
    )
  )
}

const labelOf = ({ refused, taken }: ImportProblem) => refused ? "problem" : taken === true ? "note" : "left out"

export const problemLine = (problem: ImportProblem, colour: boolean): string =>
  paint(
    harmless(`${labelOf(problem)}  ${placeText(problem.place)}  ${problem.field}: ${problem.message}`),
    problem.refused ? "red" : problem.taken === true ? "dim" : "yellow",
    colour
  )

export const problemObject = (problem: ImportProblem) => ({
  file: problem.place.file,
  line: problem.place.line,
  item: problem.place.item ?? null,
  field: problem.field,
  message: problem.message,
  refused: problem.refused,
  kind: labelOf(problem)
})

/** What an import can set. */
const compared: ReadonlyArray<Column<Reservation>> = reservationColumns.filter(({ key }) =>
  ["address", "name", "macs", "subnet", "lease_time", "enabled", "ignore", "comment", "source"].includes(key)
)

const changedFields = (before: Reservation, after: Reservation): string =>
  compared.flatMap(({ key, value }) => {
    const [was, is] = [cellText(value(before), "UTC"), cellText(value(after), "UTC")]
    return was === is
      ? []
      : [`${key.replaceAll("_", " ")}: ${was === "" ? "nothing" : was} → ${is === "" ? "nothing" : is}`]
  }).join(", ")

const signs: Readonly<Record<string, Colour>> = { "+": "green", "~": "yellow", "-": "red" }

const describe = (reservation: Reservation): string =>
  [reservationLabel(reservation), ...(reservation.address === "" ? [] : [reservation.macs.join(",")])].join(" ")

/** `+ 10.0.0.7 nas 52:54:…`, `~ 10.0.0.7 nas  name: nas → files`, `- 10.0.0.9 old`. */
export const differenceLines = (answer: ImportReservationsResponse, colour: boolean): ReadonlyArray<string> =>
  answer.differences.map(({ after, before }) => {
    const shown = after ?? before
    const sign = before === undefined ? "+" : after === undefined ? "-" : "~"
    const fields = before !== undefined && after !== undefined ? `  ${changedFields(before, after)}` : ""
    const text = shown === undefined ? sign : `${sign} ${describe(shown)}${fields}`
    return paint(harmless(text), signs[sign], colour)
  })

export const differenceObjects = (answer: ImportReservationsResponse, items: ReadonlyArray<ImportItem>) =>
  answer.differences.map(({ after, before, item }) => {
    const place = item < 0n ? undefined : items[Number(item)]?.place
    return {
      file: place?.file ?? null,
      line: place?.line ?? null,
      before: before === undefined ? null : jsonObject(compared, before),
      after: after === undefined ? null : jsonObject(compared, after)
    }
  })
