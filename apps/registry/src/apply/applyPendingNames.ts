/**
 * Looks again at the names of systems whose reservations somebody else changed: an administrator's word counts at once, and
 * automatic reservations are called like their systems in the end.
 */
import type { Mac } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import { Effect } from "effect"
import type { Naming } from "../names/Naming.ts"
import { insertFacts } from "../outbox/insertFacts.ts"
import { agreeNames } from "./agreeNames.ts"
import { beginWriting, systemsOf } from "./applyFolded.ts"
import { systemFacts } from "./facts.ts"
import { loadDecided, loadSystems, loadTaken } from "./loads.ts"
import { databaseBook } from "./NameBook.ts"
import type { NamingCache } from "./NamingCache.ts"
import { likelyNames, settleNames } from "./settleNames.ts"
import type { Systems } from "./system.ts"
import { writeNames, writeSystems } from "./writeSystems.ts"

const nextSql = "SELECT mac::text FROM pending_names ORDER BY mac LIMIT 1000"
const takeSql = "DELETE FROM pending_names WHERE mac = ANY ($1::macaddr[]) RETURNING mac::text"
const reservedSql =
  "SELECT mac::text, name FROM reservations WHERE mac = ANY ($1::macaddr[]) AND source <> 'auto' AND name IS NOT NULL"

/** Names for those who have a reservation, or had one; those who give way are added. */
export const settleReserved = Effect.fnUntraced(
  function*(client: Client, naming: Naming, macs: ReadonlyArray<Mac>, systems: Systems) {
    const decided = yield* loadDecided(client, macs)
    // A reservation that names nobody, and named nobody, is no reason to name anybody afresh.
    const concerned = [...systems.known.values()].filter(({ mac, nameSource }) =>
      nameSource === "reservation" || decided.get(mac)?.reserved !== undefined
    )
    const taken = yield* loadTaken(client, likelyNames(naming, concerned))
    const reserved = new Map<string, ReadonlyArray<Mac>>()
    for (const { mac, name } of yield* client.query<{ mac: Mac; name: string }>(reservedSql, [macs])) {
      reserved.set(name, [...reserved.get(name) ?? [], mac])
    }
    return yield* settleNames(databaseBook(client), concerned.map(({ mac }) => mac), {
      systems,
      naming,
      decided,
      taken,
      reservedNames: reserved
    })
  }
)

/** MACs that are to be looked at, at most a thousand. */
export const nextPending = (client: Client) =>
  Effect.map(client.query<{ mac: Mac }>(nextSql), (rows) => rows.map(({ mac }) => mac))

/** Looks no more at one whose name cannot be settled, until there is another reason to. */
export const forgetPending = (client: Client, mac: Mac) => client.query(takeSql, [[mac]])

/** Those of the MACs that are still to be looked at. */
export const applyPendingNames = Effect.fnUntraced(
  function*(client: Client, cache: NamingCache, some: ReadonlyArray<Mac>) {
    const now = yield* beginWriting(client)
    const macs = (yield* client.query<{ mac: Mac }>(takeSql, [some])).map(({ mac }) => mac)
    if (macs.length === 0) return
    const naming = yield* cache.current(client)
    const systems = systemsOf(yield* loadSystems(client, macs))
    const settled = yield* settleReserved(client, naming, macs, systems)
    for (const statement of [...writeSystems(client, systems), ...writeNames(client, settled)]) yield* statement
    const facts = systemFacts(systems, settled, { now })
    if (facts.length > 0) yield* insertFacts(client, facts)
    yield* agreeNames(client, naming, macs, now)
  }
)
