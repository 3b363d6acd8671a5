/**
 * Numbers by name, for millions of names: 32 to 64 bytes each, outside the heap. A `Map` takes more, and keeps the collector busy.
 *
 * Of a name only 53 bits of a hash are kept, seeded anew in each process: among two million names the chance that two are
 * taken for one is 1 in 4,500. That is enough for what is only told; nothing is decided by it. Plain loops: it is asked millions of times.
 */
import { randomInt } from "node:crypto"

const seed = randomInt(2 ** 32)
const smallest = 1024

export class NameTable {
  /** 0: free. */
  #keys = new Float64Array(smallest)
  #values = new Float64Array(smallest)
  #count = 0

  get(name: string): number | undefined {
    const slot = this.#slotOf(hashOf(name))
    return this.#keys[slot] === 0 ? undefined : this.#values[slot]
  }

  set(name: string, value: number): void {
    if (2 * this.#count >= this.#keys.length) this.#grow()
    this.#put(hashOf(name), value)
  }

  #put(key: number, value: number): void {
    const slot = this.#slotOf(key)
    if (this.#keys[slot] === 0) this.#count++
    this.#keys[slot] = key
    this.#values[slot] = value
  }

  /** Where the key is, or would be. */
  #slotOf(key: number): number {
    const { length } = this.#keys
    for (let slot = key % length;; slot = (slot + 1) % length) {
      const found = this.#keys[slot]
      if (found === key || found === 0) return slot
    }
  }

  #grow(): void {
    const [keys, values] = [this.#keys, this.#values]
    this.#keys = new Float64Array(2 * keys.length)
    this.#values = new Float64Array(2 * keys.length)
    this.#count = 0
    keys.forEach((key, slot) => {
      if (key !== 0) this.#put(key, values[slot] ?? 0)
    })
  }
}

/** Two multiplicative hashes of 32 bits, mixed into each other at the end (cyrb53). Never 0. */
const hashOf = (text: string): number => {
  let [one, other] = [0xdeadbeef ^ seed, 0x41c6ce57 ^ seed]
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    one = Math.imul(one ^ code, 2_654_435_761)
    other = Math.imul(other ^ code, 1_597_334_677)
  }
  one = Math.imul(one ^ (one >>> 16), 2_246_822_507) ^ Math.imul(other ^ (other >>> 13), 3_266_489_909)
  other = Math.imul(other ^ (other >>> 16), 2_246_822_507) ^ Math.imul(one ^ (one >>> 13), 3_266_489_909)
  return 2 ** 32 * (other & 0x1fffff) + (one >>> 0) + 1
}
