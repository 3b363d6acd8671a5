/**
 * The rotated files beside a log: which names are theirs, which of them come after a given one, and in what order.
 *
 * Pure: it is given what the directory holds. Rotation programs name a file `log.1`, `log-20261122`, `log.20261122-06`,
 * `log-1.txt` and the like, and may compress it.
 */
export interface Sibling {
  readonly name: string
  readonly inode: string
  readonly size: number
  /** Last written, milliseconds since 1970. */
  readonly modified: number
  /** Last renamed or written, on the same clock. */
  readonly changed: number
}

const compressed = /\.(gz|bz2|xz|zst|lz4|lzma|Z|zip)$/u

export const isCompressed = (name: string): boolean => compressed.test(name)

/** Whether `name` may be a rotated `base`. */
export const isSibling = (base: string, name: string): boolean => suffixOf(base, name) !== undefined

/** Numbers, dates and times; and what people write by hand. Anything else belongs to somebody else. */
const ofRotation = /^(?:\d[\w:.+-]*|old|prev|bak)$/u

const suffixOf = (base: string, name: string): string | undefined => {
  const suffix = afterName(base, name.replace(compressed, ""))
  return suffix !== undefined && ofRotation.test(suffix) ? suffix : undefined
}

const afterName = (base: string, name: string): string | undefined => {
  if (name.startsWith(`${base}.`) || name.startsWith(`${base}-`)) return name.slice(base.length + 1)
  const dot = base.lastIndexOf(".")
  if (dot <= 0) return undefined
  const [stem, extension] = [base.slice(0, dot), base.slice(dot)]
  const ours = (name.startsWith(`${stem}.`) || name.startsWith(`${stem}-`)) && name.endsWith(extension) &&
    name.length > stem.length + 1 + extension.length
  return ours ? name.slice(stem.length + 1, -extension.length) : undefined
}

/** The number of `log.1`, where the newest has the smallest; undefined for dates and other suffixes. */
const indexOf = (base: string, name: string): number | undefined => {
  const suffix = suffixOf(base, name)
  return suffix !== undefined && /^\d{1,4}$/u.test(suffix) ? Number(suffix) : undefined
}

/** Oldest first: by their numbers when all have one, else by when they were last written. */
export const inOrder = <S extends Sibling>(base: string, siblings: ReadonlyArray<S>): ReadonlyArray<S> => {
  const index = (sibling: Sibling) => indexOf(base, sibling.name)
  const numbered = siblings.every((sibling) => index(sibling) !== undefined)
  return siblings.toSorted((a, b) =>
    numbered
      ? (index(b) ?? 0) - (index(a) ?? 0)
      : a.modified - b.modified || (a.name < b.name ? -1 : 1)
  )
}

/** Whether a rotated file is newer than `last` by their names; undefined when these do not tell. */
const isNewer = (base: string, name: string, last: string): boolean | undefined => {
  const [index, lastIndex] = [indexOf(base, name), indexOf(base, last)]
  if (index !== undefined && lastIndex !== undefined) return index < lastIndex
  const [suffix, lastSuffix] = [name, last].map((one) => suffixOf(base, one) ?? "")
  const dated = /^\d{5}/u.test(suffix ?? "") && suffix?.length === lastSuffix?.length
  return dated && suffix !== undefined && lastSuffix !== undefined ? suffix > lastSuffix : undefined
}

/**
 * The siblings that were rotated after `last` was, and before `next` was where that was rotated too: by their names, and
 * where these do not tell, last written no earlier than `since`; compressed ones, which keep the time of what they were
 * made of, later.
 *
 * A clock may be set back, so that a file is older than the one before it. But one that was not even renamed since `last`
 * was has its number from something else: a rotation gives all of them new ones.
 */
export const rotatedBetween = <S extends Sibling>(
  base: string,
  siblings: ReadonlyArray<S>,
  since: number,
  last: Sibling | undefined,
  next: Sibling | undefined
): ReadonlyArray<S> =>
  inOrder(
    base,
    siblings.filter(({ changed, inode, modified, name }) => {
      if (inode === last?.inode || inode === next?.inode) return false
      const newer = last === undefined ? undefined : isNewer(base, name, last.name)
      const isSure = newer === true && last !== undefined && changed >= last.changed
      if (newer === false || (!isSure && (isCompressed(name) ? modified <= since : modified < since))) return false
      return next === undefined || !(isNewer(base, name, next.name) ?? modified > next.modified)
    })
  )
