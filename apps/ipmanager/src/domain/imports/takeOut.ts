/** What is left to do after an import: a line of dnsmasq's configuration would say what the registry's file says, too. */
import type { Place } from "./ImportItem.ts"

/** Groups of lines that are told of a file; `ipmanager check` tells every line. */
const shownGroups = 20

/** `4-9,12`; each line once. */
const groupsOf = (lines: ReadonlyArray<number>): ReadonlyArray<string> => {
  const groups: Array<{ readonly first: number; last: number }> = []
  for (const line of [...new Set(lines)].toSorted((one, other) => one - other)) {
    const before = groups.at(-1)
    if (before?.last === line - 1) before.last = line
    else groups.push({ first: line, last: line })
  }
  return groups.map(({ first, last }) => first === last ? `${first}` : `${first}-${last}`)
}

/** Undefined where no line has to go. */
export const takeOut = (places: ReadonlyArray<Place>): string | undefined => {
  if (places.length === 0) return undefined
  const files = [...Map.groupBy(places, ({ file }) => file)].map(([file, some]) => {
    const groups = groupsOf(some.map(({ line }) => line))
    return `${file}:${groups.slice(0, shownGroups).join(",")}${groups.length > shownGroups ? " and more" : ""}`
  })
  return `now take these lines out of ${files.join(" and ")}, or dnsmasq will not start with them twice`
}
