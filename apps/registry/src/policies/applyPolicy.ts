/**
 * Names what exists by a policy that was changed: the systems that clients or policies named, in small transactions, so that
 * events wait for milliseconds only. All of them are one change, with the setting of the policy; what was done when somebody changes
 * the policy meanwhile, or takes the change back, is told. It can be run again, and changes nothing then.
 */
import type { Client } from "@leasehold/runtime"
import { Clock, Effect } from "effect"
import type { Administration } from "../administration/Administration.ts"
import { byItself } from "../administration/byItself.ts"
import { ApiError } from "../api/ApiError.ts"
import type { Caller } from "../api/Caller.ts"
import { beginWriting, systemsOf } from "../apply/applyFolded.ts"
import { systemFacts } from "../apply/facts.ts"
import { loadDecided, loadNamed, nothingTaken } from "../apply/loads.ts"
import { databaseBook } from "../apply/NameBook.ts"
import { NamingCache } from "../apply/NamingCache.ts"
import { type SettledNames, settleNames } from "../apply/settleNames.ts"
import type { System, Systems } from "../apply/system.ts"
import { followNamesSql, writeNames } from "../apply/writeSystems.ts"
import { insertFacts } from "../outbox/insertFacts.ts"
import { loadPolicy, type Policy } from "./rows.ts"
import { isUnder, pageSize } from "./trial.ts"

export interface Applying {
  readonly caller: Caller
  /** As it was set. */
  readonly policy: Policy
  /** Number of the change that set it; 0 where it was so already. */
  readonly change: bigint
  /** In milliseconds since 1970: no page but the first begins later. */
  readonly until: number
}

export interface AppliedPolicy {
  readonly change: bigint
  /** How many systems were renamed. */
  readonly renamed: number
}

export const applyPolicy = Effect.fnUntraced(
  function*(administration: Administration["Service"], applying: Applying) {
    const cache = new NamingCache()
    const renamed = new Set<string>()
    let change = applying.change
    for (let after: string | undefined = "00:00:00:00:00:00"; after !== undefined;) {
      const from: string = after
      const part: bigint = change
      const done = yield* administration.change(
        { caller: applying.caller, action: "policy set", partOf: part },
        (client) => applyPage(client, cache, { ...applying, change: part }, from)
      )
      if (done.result === undefined) {
        return yield* ApiError.refuse(
          "aborted",
          `the policy was changed by somebody else meanwhile; ${sofar(renamed.size, part)}`
        )
      }
      change = done.change
      done.result.renamed.forEach((mac) => renamed.add(mac))
      after = done.result.next
      if (after !== undefined && (yield* Clock.currentTimeMillis) >= applying.until) {
        return yield* ApiError.refuse(
          "deadline-exceeded",
          `the policy is set, but the time was too short to rename all; ${
            sofar(renamed.size, change)
          }: the same call goes on`
        )
      }
    }
    const applied: AppliedPolicy = { change, renamed: renamed.size }
    return applied
  }
)

const sofar = (renamed: number, change: bigint): string =>
  `${renamed === 0 ? "no system was renamed" : `${renamed} systems were renamed before that`}${
    change === 0n ? "" : ` (change ${change})`
  }`

const takenBackSql = "SELECT FROM changes WHERE undoes = $1::bigint LIMIT 1"
const renameSql = "SELECT rename_systems($1::macaddr[], $2::text[], $3::text[])"

/** Undefined where the policy is not any more what was to be applied. */
const applyPage = Effect.fnUntraced(
  function*(client: Client, cache: NamingCache, { caller, change, policy: wanted }: Applying, after: string) {
    const now = yield* beginWriting(client)
    const present = yield* loadPolicy(client, wanted.subnetId)
    if (present?.revision !== wanted.revision || (yield* client.query(takenBackSql, [String(change)])).length > 0) {
      return undefined
    }
    const naming = yield* cache.current(client)
    const policy = naming.policyFor(wanted.subnetId)
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
    const changed = [...systems.now.values()].filter((system) => systems.known.get(system.mac) !== system)
    if (changed.length > 0) yield* client.query(renameSql, [...namesOf(changed), changed.map((one) => one.nameSource)])
    const renamed = changed.filter(({ mac, name }) => systems.known.get(mac)?.name !== name)
    yield* byItself(client, caller, follow(client, { now, renamed, settled, systems }))
    return { renamed: renamed.map(({ mac }) => mac), next }
  }
)

const namesOf = (systems: ReadonlyArray<System>) => [systems.map(({ mac }) => mac), systems.map(({ name }) => name)]

interface Followed {
  readonly now: string
  readonly renamed: ReadonlyArray<System>
  readonly settled: SettledNames
  readonly systems: Systems
}

/** What the registry does by itself when names changed. */
const follow = Effect.fnUntraced(function*(client: Client, { now, renamed, settled, systems }: Followed) {
  if (renamed.length > 0) yield* client.query(followNamesSql, namesOf(renamed), "follow-names")
  for (const statement of writeNames(client, settled)) yield* statement
  const facts = systemFacts(systems, settled, { now })
  if (facts.length === 0) return
  yield* insertFacts(client, facts)
  yield* client.query("NOTIFY outbox")
})
