/**
 * Which names would change by a policy: what applying it does, worked out over what is there, without writing or locking.
 *
 * Names that would be given are remembered while the systems are gone through, so that each sees what those before it got.
 */
import { Mac, type NameSource } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import { Effect } from "effect"
import { systemsOf } from "../apply/applyFolded.ts"
import { loadDecided, loadNamed, nothingTaken, type Taken } from "../apply/loads.ts"
import { databaseBook, type NameBook } from "../apply/NameBook.ts"
import { settleNames } from "../apply/settleNames.ts"
import type { System } from "../apply/system.ts"
import type { Naming, NamingPolicy } from "../names/Naming.ts"
import { NameTable } from "./NameTable.ts"

export interface Difference {
  readonly mac: Mac
  readonly address: string | null
  readonly before: string
  readonly after: string
  readonly afterSource: NameSource
}

export interface Tried {
  readonly differences: ReadonlyArray<Difference>
  /** How many names would change in all. */
  readonly changed: number
  /** How many systems the policy applies to. */
  readonly systems: number
}

/** The same for trying and applying: within a page names are given in the order of events. */
export const pageSize = 500

/** Systems that a policy named, or would name; those whose name an administrator decided are none of them. */
export const isUnder = (naming: Naming, policy: NamingPolicy, { firstAddress }: System): boolean =>
  naming.policyOf(naming.subnetOf(firstAddress)).id === policy.id

// Plans are kept: one that was made for a small table would be ruinous for a large one.
const planSql = `
  SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true)`

/** In a number, so that a million of them are small: the MAC, and the place of the source among these. */
const sources = ["administrator", "reservation", "client", "generated"] as const satisfies ReadonlyArray<NameSource>

interface Holder {
  readonly mac: Mac
  readonly source: NameSource
}

const numberOf = (mac: Mac): number => Number.parseInt(mac.replaceAll(":", ""), 16)

const holderOf = (packed: number): Holder => {
  const digits = Math.floor(packed / sources.length).toString(16).padStart(12, "0")
  return {
    mac: Mac.make(digits.replace(/..(?!$)/gu, "$&:")),
    source: sources[packed % sources.length] ?? "generated"
  }
}

const nobody = -1

type Named = Pick<System, "name" | "nameSource">

/**
 * What the trial gave so far, over what the database says. Of a million names no more is kept than who has each; what a system
 * was called and is called is known while its page, or one that takes its name, is looked at.
 */
class Given {
  readonly #limit: number
  readonly #holders = new NameTable()
  readonly #numbers = new Map<string, number>()
  /** Those who had to give way before their page. */
  readonly #ahead = new Map<Mac, Named>()
  /** Of this page, and those in its way: as the trial named them, and as the database has them. */
  readonly #inTheWay = new Map<Mac, Named>()
  readonly #before = new Map<Mac, string>()
  readonly #examples = new Map<Mac, Difference>()
  #changed = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** The systems of the next page, as the trial has them. */
  turn(page: ReadonlyArray<System>): ReadonlyArray<System> {
    this.#inTheWay.clear()
    this.#before.clear()
    return page.map(this.#corrected)
  }

  /** @param last of the page */
  record(known: System, { address, mac, name, nameSource }: System, last: Mac): void {
    const before = this.#before.get(mac) ?? known.name
    const number = numberOf(mac)
    if (known.name !== name) {
      const holder = this.#holders.get(known.name)
      if (holder === undefined || Math.floor(holder / sources.length) === number) {
        this.#holders.set(known.name, nobody)
      }
    }
    this.#holders.set(name, number * sources.length + sources.indexOf(nameSource))
    if (mac > last) this.#ahead.set(mac, { name, nameSource })
    else this.#ahead.delete(mac)
    this.#changed += Number(name !== before) - Number(known.name !== before)
    if (name === before) this.#examples.delete(mac)
    else if (this.#examples.size < this.#limit || this.#examples.has(mac)) {
      this.#examples.set(mac, { mac, address, before, after: name, afterSource: nameSource })
    }
  }

  readonly #corrected = (system: System): System => {
    const { mac } = system
    const named = this.#ahead.get(mac) ?? this.#inTheWay.get(mac)
    if (named === undefined) return system
    this.#before.set(mac, system.name)
    return { ...system, ...named }
  }

  /** How many names are others in the end, and examples of them. */
  get differences(): Pick<Tried, "changed" | "differences"> {
    const differences = [...this.#examples.values()].toSorted((one, other) => one.mac < other.mac ? -1 : 1)
    return { differences, changed: this.#changed }
  }

  book(client: Client): NameBook {
    const database = databaseBook(client)
    return {
      systems: (macs) => Effect.map(database.systems(macs), (systems) => systems.map(this.#corrected)),
      decided: database.decided,
      taken: (names) => Effect.map(database.taken(names), (taken) => this.#correct(taken)),
      // Everybody comes by.
      rivals: () => Effect.succeed([]),
      numbers: (policyId, count) =>
        Effect.gen({ self: this }, function*() {
          const next = this.#numbers.get(policyId) ?? (yield* nextNumber(client, policyId))
          this.#numbers.set(policyId, next + count)
          return next
        })
    }
  }

  #correct(taken: Taken): Taken {
    for (const name of taken.names) {
      const packed = this.#holders.get(name)
      if (packed === nobody) taken.holders.delete(name)
      else if (packed !== undefined) {
        const { mac, source } = holderOf(packed)
        taken.holders.set(name, mac)
        this.#inTheWay.set(mac, { name, nameSource: source })
      }
    }
    return taken
  }
}

const nextNumber = (client: Client, policyId: string) =>
  Effect.map(
    client.query<{ next: string }>("SELECT next::text FROM naming_sequences WHERE policy_id = $1::bigint", [policyId]),
    ([row]) => Number(row?.next ?? 1)
  )

/**
 * @param client of a transaction that sees one state of the database
 * @param naming with the policy in it
 */
export const tryPolicy = Effect.fnUntraced(
  function*(client: Client, naming: Naming, policy: NamingPolicy, limit: number) {
    yield* client.query(planSql)
    const given = new Given(limit)
    const book = given.book(client)
    let systems = 0
    for (let after = "00:00:00:00:00:00", isLast = false; !isLast;) {
      const page = yield* loadNamed(client, after, pageSize)
      const last = page.at(-1)
      isLast = last === undefined || page.length < pageSize
      after = last?.mac ?? after
      const concerned = given.turn(page.filter((system) => isUnder(naming, policy, system)))
      systems += concerned.length
      if (concerned.length === 0) continue
      const macs = concerned.map(({ mac }) => mac)
      const all = systemsOf(concerned)
      yield* settleNames(book, macs, {
        systems: all,
        naming,
        decided: yield* loadDecided(client, macs),
        taken: nothingTaken(),
        reservedNames: new Map(),
        isEverybody: true
      })
      for (const [mac, now] of all.now) {
        const known = all.known.get(mac)
        if (known !== undefined && known !== now && last !== undefined) given.record(known, now, last.mac)
      }
    }
    return { ...given.differences, systems } satisfies Tried
  }
)
