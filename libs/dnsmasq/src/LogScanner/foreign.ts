/**
 * Passes over the lines of other programs in a log that dnsmasq shares: those that name neither dnsmasq nor a loss. A
 * plain class over strings, for the hot path; not used until a log was seen to be shared.
 */

const NAME = "dnsmasq"
/** Not every notice of a loss says whose messages were lost. */
const LOSS = "rate-limiting"

const next = (text: string, word: string, from: number): number => {
  const found = text.indexOf(word, from)
  return found === -1 ? text.length : found
}

export class ForeignLines {
  /** How many lines the last `pass` passed over. */
  passed = 0
  private name = -1
  private loss = -1

  /** Another text begins. */
  begin(): void {
    this.name = -1
    this.loss = -1
  }

  /** Gives where the first line at or after `from` begins that may matter. */
  pass(text: string, from: number): number {
    if (this.name < from) this.name = next(text, NAME, from)
    if (this.loss < from) this.loss = next(text, LOSS, from)
    const limit = Math.min(this.name, this.loss)
    let at = from
    this.passed = 0
    while (at < limit) {
      const newline = text.indexOf("\n", at)
      if (newline === -1 || newline > limit) break
      at = newline + 1
      this.passed++
    }
    return at
  }
}
