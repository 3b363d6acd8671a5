/** JSON as `export --format json` writes it: an array of objects with the names of the columns. */
import { Result } from "effect"
import { type Gathered, type ImportItem, type ImportProblem, leftOut, refuse } from "./ImportItem.ts"
import { type JsonNode, parseJsonWithComments } from "./jsonWithComments.ts"
import { fieldOf, isOurs, readRow } from "./row.ts"

const textOf = ({ value }: JsonNode): string => {
  if (value === null || value instanceof Map) return ""
  return Array.isArray(value) ? value.map(textOf).join(" ") : String(value)
}

export const readJson = (file: string, text: string): Gathered => {
  const parsed = parseJsonWithComments(text)
  if (Result.isFailure(parsed)) {
    return { items: [], problems: [refuse({ file, line: parsed.failure.line }, "file", parsed.failure.message)] }
  }
  const items: Array<ImportItem> = []
  const problems: Array<ImportProblem> = []
  const hosts = Array.isArray(parsed.success.value) ? parsed.success.value : []
  if (!Array.isArray(parsed.success.value)) {
    problems.push(refuse({ file, line: parsed.success.line }, "file", "expected an array of hosts"))
  }
  for (const [index, node] of hosts.entries()) {
    const place = { file, line: node.line, item: index + 1 }
    if (!(node.value instanceof Map)) {
      problems.push(refuse(place, "line", "expected a host as an object"))
      continue
    }
    const fields = new Map<string, string>()
    for (const [key, value] of node.value) {
      const field = fieldOf(key)
      if (field !== undefined) fields.set(field, textOf(value))
      else if (!isOurs(key)) problems.push(leftOut(place, key, "is not imported: the registry has nothing like it"))
    }
    items.push(readRow({ place, get: (field) => fields.get(field) ?? "" }, problems))
  }
  return { items, problems }
}
