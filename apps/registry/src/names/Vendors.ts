/**
 * Who the first digits of a MAC are assigned to, from the registries of the IEEE (`oui-data`).
 *
 * Read once, when first asked, as bytes: parsing the file as JSON would take seventy megabytes, of which two are needed.
 * Its lines are in ascending order, and look alike; a test compares what is found with the file.
 */
import { harmfulCharacters, isLocallyAdministered, type Mac } from "@leasehold/events"
import { closeSync, openSync, readSync } from "node:fs"
import { createRequire } from "node:module"

const longestName = 100
const chunkBytes = 1 << 18
const [lineFeed, space, quote, backslash, letterN] = [0x0a, 0x20, 0x22, 0x5c, 0x6e]

/** Prefixes of one length in ascending order, and where the name of each ends; it begins where the one before ends. */
class Block {
  readonly digits: number
  #size = 0
  #prefixes = new Float64Array(1 << 14)
  #ends = new Uint32Array(1 << 14)
  #text = Buffer.alloc(1 << 18)

  constructor(digits: number) {
    this.digits = digits
  }

  /** Adds the entry of a line; `from` and `to` are where its name stands, as in JSON. */
  add(prefix: number, source: Buffer, from: number, to: number): void {
    const begin = this.#size === 0 ? 0 : this.#ends[this.#size - 1] ?? 0
    const end = begin + to - from
    if (this.#size === this.#ends.length) {
      this.#prefixes = resized(this.#prefixes, new Float64Array(this.#size * 2))
      this.#ends = resized(this.#ends, new Uint32Array(this.#size * 2))
    }
    if (end > this.#text.length) this.#text = Buffer.concat([this.#text], end * 2)
    source.copy(this.#text, begin, from, to)
    this.#prefixes[this.#size] = prefix
    this.#ends[this.#size] = end
    this.#size += 1
  }

  /** Gives back what is not needed. */
  close(): void {
    this.#prefixes = this.#prefixes.slice(0, this.#size)
    this.#ends = this.#ends.slice(0, this.#size)
    this.#text = Buffer.from(this.#text.subarray(0, this.#ends[this.#size - 1] ?? 0))
  }

  find(prefix: number): string | undefined {
    let low = 0
    let high = this.#size - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const value = this.#prefixes[middle] ?? 0
      if (value < prefix) low = middle + 1
      else if (value > prefix) high = middle - 1
      else return this.#text.toString("utf8", middle === 0 ? 0 : this.#ends[middle - 1], this.#ends[middle])
    }
    return undefined
  }
}

const resized = <Numbers extends Float64Array | Uint32Array>(from: Numbers, to: Numbers): Numbers => {
  to.set(from)
  return to
}

/** A line is ` "001B21": "Intel Corporate\nLot 8, …",`; the name is the first line of the value. */
const readLine = (blocks: ReadonlyArray<Block>, source: Buffer, from: number, to: number): void => {
  if (source[from] !== space || source[from + 1] !== quote) return
  let prefix = 0
  let at = from + 2
  for (; at < to && source[at] !== quote; at++) {
    const byte = source[at] ?? 0
    prefix = prefix * 16 + (byte > 0x40 ? byte - 0x37 : byte - 0x30)
  }
  const digits = at - from - 2
  const begin = at + "\": \"".length
  let end = begin
  while (end < to && source[end] !== quote && !(source[end] === backslash && source[end + 1] === letterN)) {
    end += source[end] === backslash ? 2 : 1
  }
  blocks.find((block) => block.digits === digits)?.add(prefix, source, begin, end)
}

/** The longer the prefix, the smaller the block that it assigns: these come first. */
const read = (path: string): ReadonlyArray<Block> => {
  const blocks = [new Block(9), new Block(7), new Block(6)]
  const file = openSync(path, "r")
  try {
    const chunk = Buffer.alloc(chunkBytes)
    let rest = 0
    for (let size = readSync(file, chunk); size > 0; size = readSync(file, chunk, rest, chunkBytes - rest, null)) {
      const filled = rest + size
      let from = 0
      for (let end = chunk.indexOf(lineFeed); end >= 0 && end < filled; end = chunk.indexOf(lineFeed, from)) {
        readLine(blocks, chunk, from, end)
        from = end + 1
      }
      rest = chunk.copy(chunk, 0, from, filled)
      chunk.fill(0, rest)
      if (rest === chunkBytes) break
    }
  } finally {
    closeSync(file)
  }
  blocks.forEach((block) => block.close())
  return blocks
}

let registry: ReadonlyArray<Block> | undefined

/** Undefined for MACs that devices made up, and those assigned to nobody. */
export const vendorOf = (mac: Mac): string | undefined => {
  if (isLocallyAdministered(mac)) return undefined
  registry ??= read(createRequire(import.meta.url).resolve("oui-data"))
  const digits = mac.replaceAll(":", "")
  for (const block of registry) {
    const name = block.find(Number.parseInt(digits.slice(0, block.digits), 16))
    if (name !== undefined) return nobody.has(name) ? undefined : readable(name)
  }
  return undefined
}

/** Who has smaller blocks to assign, and who does not want to be named. */
const nobody = new Set(["IEEE Registration Authority", "Private"])

const harmful = new RegExp(`[${harmfulCharacters}]+`, "gu")

const readable = (escaped: string): string | undefined => {
  const name = escaped.includes("\\") ? String(JSON.parse(`"${escaped}"`)) : escaped
  const plain = name.replace(harmful, " ").trim().slice(0, longestName)
  return plain === "" ? undefined : plain
}
