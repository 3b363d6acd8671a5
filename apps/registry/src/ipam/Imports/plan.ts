/**
 * Compares what is imported with what is there. Pure: the reservations that could be concerned, and the names that
 * could be given, are handed in.
 */
import type { Mac } from "@leasehold/events"
import { describe, type Reservation } from "../model.ts"
import { placeOf } from "../Reservations/names.ts"
import { withFirst } from "../Reservations/writes.ts"
import {
  type Alteration,
  type Creation,
  type ImportMode,
  isSameMachine,
  type Placed,
  type Plan,
  type Problem
} from "./model.ts"

export interface Surroundings {
  /** Those with a MAC, an address or a name of an item; with `replace`, all of the subnets concerned. */
  readonly existing: ReadonlyArray<Reservation>
  /** Names for each MAC in its subnet, best first. */
  readonly names: ReadonlyMap<string, ReadonlyArray<string>>
  /** Systems by the names that administrators gave them. */
  readonly given: ReadonlyMap<string, Mac>
}

/** Who is called how in a domain when all is done. */
const nameTable = () => {
  const owners = new Map<string, Array<{ readonly of: unknown; readonly macs: ReadonlyArray<Mac> }>>()
  const key = (domain: string, name: string) => `${domain} ${name}`
  return {
    other: (domain: string, name: string, of: unknown, macs: ReadonlyArray<Mac>) =>
      owners.get(key(domain, name))?.find((owner) => owner.of !== of && !isSameMachine(owner.macs, macs)),
    add: (domain: string, name: string, of: unknown, macs: ReadonlyArray<Mac>) => {
      const known = owners.get(key(domain, name))
      if (known === undefined) owners.set(key(domain, name), [{ of, macs }])
      else known.push({ of, macs })
    }
  }
}

const sameMacs = (one: ReadonlyArray<Mac>, other: ReadonlyArray<Mac>) =>
  one.length === other.length && one.every((mac) => other.includes(mac))

const differences = (before: Reservation, after: Reservation): ReadonlyArray<string> => [
  ...(sameMacs(before.macs, after.macs) ? [] : ["macs"]),
  ...(["address", "name", "ignore", "enabled", "comment"] as const).filter((field) => before[field] !== after[field]),
  ...(before.leaseTime === after.leaseTime ? [] : ["lease_time"])
]

/** What the item makes of the reservation that is there, or of none. What it does not say stays. */
const resultOf = ({ address, settings, subnet }: Placed, before: Reservation | undefined): Reservation => ({
  id: before?.id ?? "0",
  macs: withFirst(before?.macs[0], settings.macs),
  address,
  name: settings.ignore ? undefined : settings.name ?? before?.name,
  subnetId: subnet.id,
  subnet: subnet.cidr,
  domain: subnet.domain,
  leaseTime: settings.leaseTime,
  enabled: settings.enabled,
  ignore: settings.ignore,
  source: "import",
  comment: settings.comment === "" ? before?.comment ?? "" : settings.comment,
  createdAt: before?.createdAt ?? "",
  updatedAt: before?.updatedAt ?? "",
  servers: settings.enabled ? subnet.servers : []
})

type Befores = ReadonlyMap<Placed, Reservation>

/** Which reservation each item is about: the one in its subnet with one of its MACs. */
const matchItems = (placed: ReadonlyArray<Placed>, byMac: ReadonlyMap<string, Reservation>) => {
  const problems: Array<Problem> = []
  const takers = new Map<string, Placed>()
  const befores = new Map<Placed, Reservation>()
  for (const item of placed) {
    const found = new Set(item.macs.flatMap((mac) => byMac.get(`${item.subnet.id} ${mac}`) ?? []))
    const decided = [...found].filter(({ source }) => source !== "auto")
    const before = decided[0] ?? [...found][0]
    if (before === undefined) continue
    const other = takers.get(before.id)
    if (decided.length > 1) {
      const message = `its MACs are those of several reservations: ${decided.map(describe).join(" and ")}`
      problems.push({ item: item.index, field: "macs", message })
    } else if (other !== undefined) {
      const message = `item ${other.index} has a MAC of the same reservation ${describe(before)}`
      problems.push({ item: item.index, field: "macs", message })
    }
    takers.set(before.id, item)
    befores.set(item, before)
  }
  return { problems, takers, befores }
}

/** Automatic ones give way: with another MAC of an item they end, and so they do where their address is wanted. */
const findHolders = (
  placed: ReadonlyArray<Placed>,
  befores: Befores,
  byMac: ReadonlyMap<string, Reservation>,
  byAddress: ReadonlyMap<string, Reservation>,
  keeps: (holder: Reservation, item: Placed) => boolean
) => {
  const problems: Array<Problem> = []
  const ended = new Map<string, Reservation>()
  for (const item of placed) {
    for (const mac of item.macs) {
      const found = byMac.get(`${item.subnet.id} ${mac}`)
      if (found?.source === "auto" && befores.get(item) !== found) ended.set(found.id, found)
    }
    const holder = item.address === undefined ? undefined : byAddress.get(item.address)
    if (holder === undefined || holder === befores.get(item) || !keeps(holder, item)) continue
    if (holder.source === "auto") ended.set(holder.id, holder)
    else {
      const message = `${item.address} is reserved for ${describe(holder)}`
      problems.push({ item: item.index, field: "address", message })
    }
  }
  return { problems, ended }
}

/** Names that are said count before names that are kept, and those before names that are made. */
const nameItems = (
  placed: ReadonlyArray<Placed>,
  befores: Befores,
  table: ReturnType<typeof nameTable>,
  { given, names: proposed }: Pick<Surroundings, "given" | "names">
) => {
  const problems: Array<Problem> = []
  const results = new Map(placed.map((item) => [item, resultOf(item, befores.get(item))]))
  const rank = ([item, after]: readonly [Placed, Reservation]) =>
    item.settings.name === undefined ? (after.name === undefined ? 2 : 1) : 0
  for (const [item, after] of [...results].toSorted((one, other) => rank(one) - rank(other))) {
    if (after.ignore) continue
    const candidates = [
      ...(after.name === undefined ? [] : [after.name]),
      ...(item.settings.name === undefined
        ? after.macs.slice(0, 1).flatMap((mac) => proposed.get(placeOf(after.subnetId, mac)) ?? [])
        : [])
    ]
    const ownersOf = (name: string): ReadonlyArray<Mac> | undefined => {
      const other = given.get(name)
      // What is kept is nobody's question: it may be older than what was given.
      return other === undefined || after.macs.includes(other) || befores.get(item)?.name === name
        ? table.other(after.domain, name, item, after.macs)?.macs
        : [other]
    }
    const name = candidates.find((one) => ownersOf(one) === undefined)
    if (name === undefined) {
      const [first = "the name"] = candidates
      const message = `${first} is the name of ${ownersOf(first)?.join(" ") ?? "another"}`
      problems.push({ item: item.index, field: "name", message })
      continue
    }
    table.add(after.domain, name, item, after.macs)
    results.set(item, { ...after, name })
  }
  return { problems, results }
}

const compare = (results: ReadonlyMap<Placed, Reservation>, befores: Befores, mode: ImportMode) => {
  const problems: Array<Problem> = []
  const created: Array<Creation> = []
  const changed: Array<Alteration> = []
  let unchanged = 0
  for (const [item, after] of results) {
    const before = befores.get(item)
    if (before === undefined) {
      created.push({ item: item.index, after })
      continue
    }
    const fields = differences(before, after)
    if (fields.length === 0 && (before.source !== "auto" || item.automatic)) unchanged++
    else if (mode === "add" && before.source !== "auto") {
      const message = `${describe(before)} is there already with another ${
        fields.join(", ")
      }; the mode update changes it`
      problems.push({ item: item.index, field: fields[0] ?? "macs", message })
    } else changed.push({ item: item.index, before, after })
  }
  return { problems, created, changed, unchanged }
}

export const planImport = (
  placed: ReadonlyArray<Placed>,
  { existing, given, names }: Surroundings,
  mode: ImportMode
): Plan => {
  const byMac = new Map(existing.flatMap((one) => one.macs.map((mac) => [`${one.subnetId} ${mac}`, one] as const)))
  const byAddress = new Map(existing.flatMap((one) => one.address === undefined ? [] : [[one.address, one] as const]))
  const { befores, problems: ofMatches, takers } = matchItems(placed, byMac)

  const concerned = new Set(placed.map(({ subnet }) => subnet.id))
  const removed = mode === "replace"
    ? existing.filter(({ id, source, subnetId }) => source !== "auto" && concerned.has(subnetId) && !takers.has(id))
    : []
  const gone = new Set(removed.map(({ id }) => id))
  const { ended, problems: ofHolders } = findHolders(placed, befores, byMac, byAddress, (holder, item) => {
    const moving = takers.get(holder.id)
    return !gone.has(holder.id) && (moving === undefined || moving.address === item.address)
  })

  const table = nameTable()
  const staying = existing.filter(({ id }) => !takers.has(id) && !gone.has(id) && !ended.has(id))
  for (const one of staying) {
    if (one.source !== "auto" && one.name !== undefined) table.add(one.domain, one.name, one, one.macs)
  }
  const { problems: ofNames, results } = nameItems(placed, befores, table, { given, names })
  const { problems: ofComparison, ...compared } = compare(results, befores, mode)
  const problems = [...ofMatches, ...ofHolders, ...ofNames, ...ofComparison]
  return { problems, ...compared, removed, ended: [...ended.values()] }
}
