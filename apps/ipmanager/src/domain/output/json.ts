/** JSON for programs: an array for what is complete, a line for each thing of what goes on. */
import { type Column, jsonValue } from "./Column.ts"
import { harmlessJson } from "./harmless.ts"

export const jsonObject = <Row>(columns: ReadonlyArray<Column<Row>>, row: Row): Readonly<Record<string, unknown>> =>
  Object.fromEntries(columns.map(({ key, value }) => [key, jsonValue(value(row))]))

export const jsonText = (value: unknown, indent?: number): string => harmlessJson(JSON.stringify(value, null, indent))
