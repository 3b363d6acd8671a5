/** What an import finds in a file: hosts, each with its place, and what is wrong with the rest. */

export interface Place {
  readonly file: string
  /** From 1. */
  readonly line: number
  /** Its number in an array, from 1. */
  readonly item?: number
}

export interface ImportItem {
  readonly place: Place
  /** Lower case, with colons. */
  readonly macs: ReadonlyArray<string>
  readonly address?: string | undefined
  readonly name?: string | undefined
  readonly leaseTime?: "infinite" | { readonly seconds: number } | undefined
  readonly comment?: string | undefined
  /** CIDR or name, where the file says it. */
  readonly subnet?: string | undefined
  readonly ignore?: boolean
  readonly disabled?: boolean
  /** It is an automatic reservation of our own export, and stays one where it is there. */
  readonly automatic?: boolean
}

/** Two items of one content are one host. */
export const contentOf = ({ address, comment, disabled, ignore, leaseTime, macs, name, subnet }: ImportItem) =>
  JSON.stringify([[...macs].toSorted(), address, name, leaseTime, comment, subnet, ignore === true, disabled === true])

export interface ImportProblem {
  readonly place: Place
  readonly field: string
  readonly message: string
  /** Nothing is imported while there is one. */
  readonly refused: boolean
  /** What it is about is imported, though it may be meant otherwise; else it is left out. */
  readonly taken?: true
}

export interface Gathered {
  readonly items: ReadonlyArray<ImportItem>
  readonly problems: ReadonlyArray<ImportProblem>
}

export const nothing: Gathered = { items: [], problems: [] }

export const merge = (all: ReadonlyArray<Gathered>): Gathered => ({
  items: all.flatMap(({ items }) => items),
  problems: all.flatMap(({ problems }) => problems)
})

export const refuse = (place: Place, field: string, message: string): ImportProblem => ({
  place,
  field,
  message,
  refused: true
})

export const leftOut = (place: Place, field: string, message: string): ImportProblem => ({
  place,
  field,
  message,
  refused: false
})

export const note = (place: Place, field: string, message: string): ImportProblem => ({
  place,
  field,
  message,
  refused: false,
  taken: true
})

export const placeText = ({ file, item, line }: Place): string =>
  `${file}:${line}${item === undefined ? "" : ` (item ${item})`}`

const octets = /^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}$/iu
const bare = /^[0-9a-f]{12}$/iu
const dotted = /^[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}$/iu

/** Six octets with colons, dashes, dots (`5254.0012.3456`) or nothing between them. */
export const readMac = (text: string): string | undefined => {
  const trimmed = text.trim().toLowerCase()
  if (octets.test(trimmed)) return trimmed.replaceAll("-", ":")
  if (!bare.test(trimmed) && !dotted.test(trimmed)) return undefined
  return trimmed.replaceAll(".", "").match(/../gu)?.join(":")
}

/** As the registry spells it; what is none is left to the registry to refuse. */
export const plainMac = (text: string): string => readMac(text) ?? text

const quad = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)$/u

export const isIpv4 = (text: string): boolean => quad.test(text) && !/(?:^|\.)0\d/u.test(text)

/** Undefined where it is none; dnsmasq and the registry know no case. */
export const readName = (text: string): string | undefined => {
  const name = text.trim().toLowerCase()
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/u.test(name) ? name : undefined
}
