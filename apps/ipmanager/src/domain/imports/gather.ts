/**
 * What the files of an import come to together: names of `/etc/hosts` join the addresses of others, what stands in two
 * files is one host, and what the registry has to be told (a subnet) is asked for.
 */
import {
  contentOf,
  type Gathered,
  type ImportItem,
  type ImportProblem,
  leftOut,
  placeText,
  refuse
} from "./ImportItem.ts"
import { type Names } from "./lines.ts"

const named = (item: ImportItem, all: ReadonlyArray<Names>): ImportItem => {
  if (item.ignore === true) return item
  const known = (find: (names: Names) => string | undefined) =>
    all.reduce<string | undefined>((found, names) => found ?? find(names), undefined)
  if (item.address !== undefined && item.name === undefined) {
    const { address } = item
    return { ...item, name: known(({ ofAddress }) => ofAddress.get(address)) }
  }
  if (item.name !== undefined && item.address === undefined) {
    const { name } = item
    return { ...item, address: known(({ addressOf }) => addressOf.get(name)) }
  }
  return item
}

/** @param subnet of what says none of its own and has no address */
export const gather = (read: Gathered, names: ReadonlyArray<Names>, subnet: string | undefined): Gathered => {
  const problems: Array<ImportProblem> = [...read.problems, ...names.flatMap((one) => one.problems)]
  const seen = new Map<string, ImportItem>()
  const items: Array<ImportItem> = []
  for (const given of read.items) {
    const joined = named(given, names)
    const item = joined.address === undefined && joined.subnet === undefined ? { ...joined, subnet } : joined
    const content = contentOf(item)
    const twin = seen.get(content)
    if (twin !== undefined) {
      problems.push(leftOut(item.place, "line", `says the same as ${placeText(twin.place)}`))
      continue
    }
    seen.set(content, item)
    if (item.address === undefined && item.subnet === undefined) {
      problems.push(refuse(item.place, "subnet", "a host without an address needs its subnet: give --subnet"))
      continue
    }
    items.push(item)
  }
  return { items, problems }
}
