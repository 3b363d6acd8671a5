/**
 * Names what exists by a policy that was changed: the systems that clients or policies named, in small transactions, so that
 * events wait for milliseconds only. It can be run again, and changes nothing then.
 */
import type { Client, Postgres, PostgresError } from "@leasehold/runtime"
import { Effect } from "effect"
import { beginWriting, systemsOf } from "../apply/applyFolded.ts"
import { systemFacts } from "../apply/facts.ts"
import { loadDecided, loadNamed, nothingTaken } from "../apply/loads.ts"
import { databaseBook } from "../apply/NameBook.ts"
import { NamingCache } from "../apply/NamingCache.ts"
import { settleNames } from "../apply/settleNames.ts"
import { writeNames, writeSystems } from "../apply/writeSystems.ts"
import { insertFacts } from "../outbox/insertFacts.ts"
import { isUnder } from "./trial.ts"

const pageSize = 250

/** Returns how many systems were renamed. */
export const applyPolicy = Effect.fnUntraced(function*(postgres: Postgres["Service"], subnetId: string | null) {
  const cache = new NamingCache()
  const renamed = new Set<string>()
  for (let after: string | undefined = "00:00:00:00:00:00"; after !== undefined;) {
    const from: string = after
    const page = yield* postgres.transaction((client) => applyPage(client, cache, subnetId, from))
    page.renamed.forEach((mac) => renamed.add(mac))
    after = page.next
  }
  return renamed.size
})

const applyPage = Effect.fnUntraced(
  function*(client: Client, cache: NamingCache, subnetId: string | null, after: string) {
    yield* beginWriting(client)
    const naming = yield* cache.current(client)
    const policy = naming.policyFor(subnetId)
    // It was removed meanwhile: nobody asked for the default one to be applied.
    if (policy.subnetId !== subnetId) return { renamed: [], next: undefined }
    const page = yield* loadNamed(client, after, pageSize)
    const next = page.length < pageSize ? undefined : page.at(-1)?.mac
    const concerned = page.filter((system) => isUnder(naming, policy, system))
    const macs = concerned.map(({ mac }) => mac)
    const systems = systemsOf(concerned)
    const settled = yield* settleNames(databaseBook(client), macs, {
      systems,
      naming,
      decided: macs.length === 0 ? new Map() : yield* loadDecided(client, macs),
      taken: nothingTaken(),
      reservedNames: new Map(),
      isEverybody: true
    })
    const statements: ReadonlyArray<Effect.Effect<unknown, PostgresError>> = [
      ...writeSystems(client, systems),
      ...writeNames(client, settled)
    ]
    for (const statement of statements) yield* statement
    const facts = systemFacts(systems, settled)
    if (facts.length > 0) {
      yield* insertFacts(client, facts)
      yield* client.query("NOTIFY outbox")
    }
    const renamed = [...systems.now.values()].filter(({ mac, name }) => systems.known.get(mac)?.name !== name)
    return { renamed: renamed.map(({ mac }) => mac), next }
  }
)
