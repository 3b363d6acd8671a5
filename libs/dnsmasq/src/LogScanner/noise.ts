/**
 * Passes over the DNS lines of dnsmasq, which are most of a log, by looking at a few characters of each.
 *
 * A log keeps its framing from line to line. From a DNS line that was read properly the filter learns where its tag
 * stands, and a small set of positions before it that together contradict `dnsmasq-dhcp` wherever it could begin there.
 * A line that agrees in all of them has the tag of DNS at the place of its tag and is no notice of loss: no line that
 * matters is ever passed over, whatever its framing. A plain class over char codes, for the hot path.
 */
import type { Frame } from "../LogLine/Frame.ts"
import { isDigit, OPEN_BRACKET, SPACE } from "../tokens.ts"

const TAG = "dnsmasq"
const DHCP = "dnsmasq-dhcp"

const LOWER_D = 0x64
const LOWER_O = 0x6f
const LOWER_Q = 0x71
const COLON = 0x3a

/** Lines with more before their tag are read in full. */
const MOST_CHECKS = 8

const ABSENT = -1

/** Whether the character at `position` rules out that `dnsmasq-dhcp` begins at `start`. */
const contradicts = (prefix: string, position: number, start: number) =>
  position >= start && position < start + DHCP.length &&
  prefix.charCodeAt(position) !== DHCP.charCodeAt(position - start)

/** Digits change from line to line, so they prove nothing. */
const proofs = (prefix: string): ReadonlyArray<number> | undefined => {
  const chosen: Array<number> = []
  // Beginnings further on run into the blank before the tag.
  const last = prefix.length - DHCP.length - 1
  for (let start = 0; start <= last; start++) {
    if (chosen.some((position) => contradicts(prefix, position, start))) continue
    let position = Math.min(start + DHCP.length, prefix.length) - 1
    while (position >= start && (isDigit(prefix.charCodeAt(position)) || !contradicts(prefix, position, start))) {
      position--
    }
    if (position < start || chosen.length === MOST_CHECKS) return undefined
    chosen.push(position)
  }
  return chosen
}

class Noise {
  /** Where the tag begins; ABSENT until a line was learnt. */
  private tag = ABSENT
  /** How many lines the last `pass` passed over. */
  passed = 0
  private first = 0
  /** The character after `dnsmasq`: `[`, `:`, or the blank of RFC 5424. */
  private after = 0
  /** Where the process id is over, and how. */
  private over = 0
  private overCode = 0
  private message = 0
  private checks = 0
  private readonly positions = new Uint16Array(MOST_CHECKS)
  private readonly codes = new Uint16Array(MOST_CHECKS)

  /** Takes the framing of a line that is a DNS line. */
  learn(line: string, { message, tag }: Frame): void {
    const after = line.charCodeAt(tag + TAG.length)
    const over = after === COLON ? tag + TAG.length + 1 : line.indexOf(after === OPEN_BRACKET ? "]" : " ", tag + 8)
    const chosen = proofs(line.slice(0, tag))
    this.tag = ABSENT
    if (chosen === undefined || over === -1 || over >= message || message >= line.length) return
    if (after !== OPEN_BRACKET && after !== COLON && after !== SPACE) return
    if (tag > 0 && line.charCodeAt(tag - 1) !== SPACE) return
    this.first = line.charCodeAt(0)
    this.after = after
    this.over = over
    this.overCode = line.charCodeAt(over)
    this.message = message
    this.checks = chosen.length
    chosen.forEach((position, index) => {
      this.positions[index] = position
      this.codes[index] = line.charCodeAt(position)
    })
    this.tag = tag
  }

  /**
   * Passes over the lines from `from` on that are known to be DNS lines of dnsmasq and say nothing of loss. Gives where
   * the first other line begins; `passed` says how many were passed over.
   */
  pass(text: string, bytes: Uint8Array, start: number, from: number): number {
    this.passed = 0
    // What most lines of DHCP fail is asked before anything else is made ready.
    if (this.tag === ABSENT || bytes[start + from + this.tag + 7] !== this.after) return from
    // Fields in local names, or each line would load them again.
    const { after, checks, codes, first, message, over, overCode, positions, tag } = this
    const blank = tag === 0 ? over : tag - 1
    const blankCode = tag === 0 ? overCode : SPACE
    // The first proof is apart from the rest, of which most framings have none.
    const proof = checks === 0 ? over : (positions[0] ?? 0)
    const proofCode = checks === 0 ? overCode : codes[0]
    let at = from
    let passed = 0
    lines: while (at < text.length) {
      const line = start + at
      if (
        bytes[line + tag + 7] !== after ||
        bytes[line + tag + 6] !== LOWER_Q ||
        bytes[line + tag] !== LOWER_D ||
        bytes[line + message] === LOWER_O ||
        bytes[line + over] !== overCode ||
        bytes[line] !== first ||
        bytes[line + blank] !== blankCode ||
        bytes[line + proof] !== proofCode
      ) break
      for (let index = 1; index < checks; index++) {
        if (bytes[line + (positions[index] ?? 0)] !== codes[index]) break lines
      }
      at = text.indexOf("\n", at) + 1
      passed++
    }
    this.passed = passed
    return at
  }
}

/** Logs of several hosts come in several framings. */
const FILTERS = 4

/** The framings met last. */
export class NoiseFilters {
  private readonly filters: ReadonlyArray<Noise> = Array.from({ length: FILTERS }, () => new Noise())
  private oldest = 0
  /** How many lines the last `pass` passed over. */
  passed = 0

  /** Takes the framing of a line that was read in full and is no entry. */
  learn(line: string, frame: Frame): void {
    if (frame.writer !== "dns") return
    this.oldest = (this.oldest + 1) % FILTERS
    this.filters[this.oldest]?.learn(line, frame)
  }

  /** Gives where the first line at or after `from` begins that has to be read. */
  pass(text: string, bytes: Uint8Array, start: number, from: number): number {
    let at = from
    let passed = 0
    for (let idle = 0, index = 0; idle < FILTERS; index = (index + 1) % FILTERS) {
      const filter = this.filters[index]
      if (filter === undefined) break
      at = filter.pass(text, bytes, start, at)
      passed += filter.passed
      idle = filter.passed === 0 ? idle + 1 : 1
    }
    this.passed = passed
    return at
  }
}
