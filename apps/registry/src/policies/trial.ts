/**
 * Which names would change by a policy: what applying it does, worked out over what is there, without writing or locking.
 *
 * Names that would be given are remembered while the systems are gone through, so that each sees what those before it got.
 */
import type { Mac, NameSource } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import { Effect } from "effect"
import { systemsOf } from "../apply/applyFolded.ts"
import { loadDecided, loadNamed, nothingTaken, type Taken } from "../apply/loads.ts"
import { databaseBook, type NameBook } from "../apply/NameBook.ts"
import { settleNames } from "../apply/settleNames.ts"
import type { System } from "../apply/system.ts"
import type { Naming, NamingPolicy } from "../names/Naming.ts"

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

const pageSize = 1000

/** Systems that a policy named, or would name; those whose name an administrator decided are none of them. */
export const isUnder = (naming: Naming, policy: NamingPolicy, { firstAddress }: System): boolean =>
  naming.policyOf(naming.subnetOf(firstAddress)).id === policy.id

// Plans are kept: one that was made for a small table would be ruinous for a large one.
const planSql = `
  SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true)`

interface Named extends Pick<System, "name" | "nameSource" | "address"> {
  readonly before: string
}

/** What the trial gave so far, over what the database says. */
class Given {
  readonly #names = new Map<Mac, Named>()
  readonly #holders = new Map<string, Mac>()
  readonly #freed = new Set<string>()
  readonly #numbers = new Map<string, number>()

  record(known: System, { address, mac, name, nameSource }: System): void {
    this.#names.set(mac, { name, nameSource, address, before: this.#names.get(mac)?.before ?? known.name })
    if (known.name !== name) {
      if (this.#holders.get(known.name) === mac) this.#holders.delete(known.name)
      if (!this.#holders.has(known.name)) this.#freed.add(known.name)
    }
    this.#holders.set(name, mac)
    this.#freed.delete(name)
  }

  corrected = (system: System): System => {
    const named = this.#names.get(system.mac)
    return named === undefined ? system : { ...system, name: named.name, nameSource: named.nameSource }
  }

  /** The first of those whose name is another in the end, and how many they are. */
  differences(limit: number): Pick<Tried, "changed" | "differences"> {
    const macs = Array.from(this.#names).flatMap(([mac, { before, name }]) => before === name ? [] : [mac]).toSorted()
    const differences = macs.slice(0, limit).flatMap((mac): ReadonlyArray<Difference> => {
      const named = this.#names.get(mac)
      if (named === undefined) return []
      const { address, before, name, nameSource } = named
      return [{ mac, address, before, after: name, afterSource: nameSource }]
    })
    return { differences, changed: macs.length }
  }

  book(client: Client): NameBook {
    const database = databaseBook(client)
    return {
      systems: (macs) => Effect.map(database.systems(macs), (systems) => systems.map(this.corrected)),
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
      const holder = this.#holders.get(name)
      if (holder !== undefined) taken.holders.set(name, holder)
      else if (this.#freed.has(name)) taken.holders.delete(name)
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
    const given = new Given()
    const book = given.book(client)
    let systems = 0
    for (let after = "00:00:00:00:00:00", isLast = false; !isLast;) {
      const page = yield* loadNamed(client, after, pageSize)
      const last = page.at(-1)
      isLast = last === undefined || page.length < pageSize
      after = last?.mac ?? after
      const concerned = page.filter((system) => isUnder(naming, policy, system)).map(given.corrected)
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
        if (known === undefined || known === now) continue
        given.record(known, now)
      }
    }
    return { ...given.differences(limit), systems } satisfies Tried
  }
)
