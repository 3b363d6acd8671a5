/**
 * Makes systems and their automatic reservations agree about names where a reservation was called otherwise by another hand:
 * the system is called so too where it may be, and else the reservation is called like the system.
 */
import type { Mac } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import { Effect } from "effect"
import { sourceOf } from "../names/candidates.ts"
import type { Naming } from "../names/Naming.ts"
import { insertFacts } from "../outbox/insertFacts.ts"
import { systemsOf } from "./applyFolded.ts"
import { systemFacts } from "./facts.ts"
import { loadSystems, loadTaken, type Taken } from "./loads.ts"
import { noNames } from "./settleNames.ts"
import type { System } from "./system.ts"
import { followNamesSql, writeSystems } from "./writeSystems.ts"

interface Strayed {
  readonly mac: Mac
  /** What the reservation calls it. */
  readonly name: string
}

const strayedSql = `
  SELECT r.mac::text, r.name FROM reservations r JOIN systems y ON y.mac = r.mac
  WHERE r.mac = ANY ($1::macaddr[]) AND r.source = 'auto' AND r.name <> y.name ORDER BY r.id`

/** The system by the name of its reservation; undefined where it may not be called so. */
const renamed = (naming: Naming, taken: Taken, system: System, name: string): System | undefined => {
  const { mac, nameSource } = system
  if (nameSource !== "client" && nameSource !== "generated") return undefined
  const isOthers = taken.holders.has(name) || (taken.reserved.get(name) ?? []).some((other) => other !== mac)
  const source = isOthers ? undefined : sourceOf(naming.wanted(system, undefined), name)
  return source === undefined ? undefined : { ...system, name, nameSource: source }
}

/** To be run when the names of the MACs are settled. */
export const agreeNames = Effect.fnUntraced(
  function*(client: Client, naming: Naming, macs: ReadonlyArray<Mac>, now: string) {
    const strayed = yield* client.query<Strayed>(strayedSql, [macs])
    if (strayed.length === 0) return
    const systems = systemsOf(yield* loadSystems(client, [...new Set(strayed.map(({ mac }) => mac))]))
    const taken = yield* loadTaken(client, strayed.map(({ name }) => name))
    for (const { mac, name } of strayed) {
      const system = systems.known.get(mac)
      const back = system === systems.now.get(mac) && system && renamed(naming, taken, system, name)
      if (!back) continue
      systems.now.set(mac, back)
      taken.holders.set(name, mac)
    }
    for (const statement of writeSystems(client, systems)) yield* statement
    const all = [...systems.now.values()]
    yield* client.query(followNamesSql, [all.map(({ mac }) => mac), all.map(({ name }) => name)])
    const facts = systemFacts(systems, noNames, { now })
    if (facts.length > 0) yield* insertFacts(client, facts)
  }
)
