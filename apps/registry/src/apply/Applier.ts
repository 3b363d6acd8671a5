/**
 * Applies events to the database: a batch is one transaction, and the database is asked and told in sets.
 *
 * Writers take turns: the transaction begins with the writer lock, so that what is read stays true until what follows
 * from it is written. Applying a batch again, in parts, or in another order gives the same state.
 */
import type { DhcpEvent, Mac } from "@leasehold/events"
import { type Client, Postgres, type PostgresError } from "@leasehold/runtime"
import { Context, Effect, Layer } from "effect"
import { refold } from "../history/refold.ts"
import { insertFacts } from "../outbox/insertFacts.ts"
import { claimsOf, settleReservations } from "../reserve/settleReservations.ts"
import { gapFact, systemFacts } from "./facts.ts"
import { type Folded, foldEvents, type Observed } from "./foldEvents.ts"
import { type Decided, loadDecided, loadEvidence, loadSystems } from "./loads.ts"
import { type Folding, settleAddresses } from "./settleAddresses.ts"
import { settleNames } from "./settleNames.ts"
import { timeOf } from "./stamp.ts"
import { observe, type System, type Systems } from "./system.ts"
import {
  deleteStretches,
  followNames,
  insertGaps,
  insertSightings,
  insertStretches,
  insertSystems,
  type SightingRow,
  updateSystems
} from "./writes.ts"

/** What applying amounted to. */
export interface Applied {
  /** There is something new in the outbox. */
  readonly announced: boolean
  /** How many events had no six-octet MAC. */
  readonly anonymous: number
}

export class Applier extends Context.Service<Applier, {
  apply(events: ReadonlyArray<DhcpEvent>): Effect.Effect<Applied, PostgresError>
  /** Looks again at the names of systems whose reservations somebody else changed; returns how many there were. */
  readonly applyPendingNames: Effect.Effect<number, PostgresError>
}>()("registry/apply/Applier") {
  static readonly layer = Layer.effect(
    Applier,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      /** A transaction that has the writer lock. */
      const write = <A, E, R>(use: (client: Client) => Effect.Effect<A, E, R>) =>
        postgres.transaction((client) => Effect.andThen(client.query("SELECT take_writer_lock()"), use(client)))

      return Applier.of({
        apply: Effect.fn("Applier.apply")(function*(events: ReadonlyArray<DhcpEvent>) {
          const folded = foldEvents(events)
          const announced = (folded.observed.size > 0 || folded.gaps.length > 0)
            && (yield* write((client) => applyFolded(client, folded)))
          return { announced, anonymous: folded.anonymous }
        }),
        applyPendingNames: write(applyPendingNames).pipe(Effect.withSpan("Applier.applyPendingNames"))
      })
    })
  )
}

const applyFolded = Effect.fnUntraced(function*(client: Client, folded: Folded) {
  const foldings = yield* writeHistory(client, folded)
  const macs = [
    ...folded.observed.keys(),
    ...foldings.flatMap(({ refolded: { holder, holderBefore } }) =>
      holderBefore === undefined || holderBefore === holder || folded.observed.has(holderBefore) ? [] : [holderBefore]
    )
  ]
  const systems = yield* knownSystems(client, macs)
  const decided = yield* decidedFor(client, systems.known, folded.observed)
  const unnamed: Array<Mac> = []
  for (const [mac, observed] of folded.observed) {
    const known = systems.known.get(mac)
    const system = observe(known, observed, decided.get(mac)?.given ?? nothing)
    systems.now.set(mac, system)
    if (isToBeNamed(known, system)) unnamed.push(mac)
  }
  yield* settleAddresses(client, systems, foldings)
  const assigned = yield* settleNames(client, systems, unnamed, decided, new Map())
  yield* writeSystems(client, systems)
  const reserved = yield* settleReservations(client, claimsOf(folded.places.values()))
  const facts = [...systemFacts(systems, assigned), ...yield* writeGaps(client, folded.gaps)]
  if (facts.length > 0) yield* insertFacts(client, facts)
  return facts.length + reserved > 0
})

const knownSystems = (client: Client, macs: ReadonlyArray<Mac>) =>
  Effect.map(loadSystems(client, macs), (rows): Systems => {
    const known = new Map(rows.map((system) => [system.mac, system]))
    return { known, now: new Map(known) }
  })

const nothing: ReadonlySet<string> = new Set()

/** What administrators decided, for newcomers and where a name was heard that may be one that we gave. */
const decidedFor = (
  client: Client,
  systems: ReadonlyMap<Mac, System>,
  observed: ReadonlyMap<Mac, Observed>
): Effect.Effect<ReadonlyMap<Mac, Decided>, PostgresError> => {
  const macs = Array.from(observed.values()).filter(({ mac, names }) => {
    const system = systems.get(mac)
    return system === undefined ||
      names.some(({ own, text }) => !own && text !== system.saidName && text !== system.suffixedName) ||
      (system.firstName === null && names.length > 0)
  })
  return macs.length === 0 ? Effect.succeed(new Map()) : loadDecided(client, macs.map(({ mac }) => mac))
}

/** Newcomers, and those whose client told its first name, or an earlier one than was known. */
const isToBeNamed = (known: System | undefined, system: System): boolean =>
  known === undefined ||
  (known.firstName !== system.firstName && (known.nameSource === "generated" || known.nameSource === "client"))

/** Writes the sightings and what follows from them about who held an address when. */
const writeHistory = Effect.fnUntraced(function*(client: Client, folded: Folded) {
  const places = [...folded.places.values()]
  if (places.length === 0) return []
  const evidence = yield* loadEvidence(client, places)
  const rows: Array<SightingRow> = []
  const foldings = places.map((place, n): Folding => {
    const { sightings = [], stretches = [] } = evidence[n] ?? {}
    const known = new Set(sightings.map(({ stamp }) => stamp))
    const fresh = place.sightings.filter(({ stamp }) => !known.has(stamp) && known.add(stamp))
    rows.push(...fresh.map((sighting) => ({ ...sighting, place })))
    return { place, refolded: refold(stretches, timeOf(place.from), [...sightings, ...fresh]) }
  })
  const removed = foldings.flatMap(({ place, refolded }) => refolded.removed.map((stretch) => ({ ...stretch, place })))
  const added = foldings.flatMap(({ place, refolded }) => refolded.added.map((stretch) => ({ ...stretch, place })))
  if (rows.length > 0) yield* insertSightings(client, rows)
  if (removed.length > 0) yield* deleteStretches(client, removed)
  if (added.length > 0) yield* insertStretches(client, added)
  return foldings
})

const writeSystems = Effect.fnUntraced(function*(client: Client, { known, now }: Systems) {
  const changed = Array.from(now.values()).filter((system) => known.get(system.mac) !== system)
  const updated = changed.filter(({ mac }) => known.has(mac))
  const created = changed.filter(({ mac }) => !known.has(mac))
  const renamed = updated.filter(({ mac, name }) => known.get(mac)?.name !== name)
  if (updated.length > 0) yield* updateSystems(client, updated)
  if (created.length > 0) yield* insertSystems(client, created)
  if (renamed.length > 0) yield* followNames(client, renamed)
})

const writeGaps = Effect.fnUntraced(function*(client: Client, gaps: ReadonlyArray<DhcpEvent>) {
  if (gaps.length === 0) return []
  const fresh = new Set((yield* insertGaps(client, gaps)).map(({ event_id }) => event_id))
  // A gap that is in the batch twice is announced once.
  return gaps.filter(({ id }) => fresh.delete(id)).map(gapFact)
})

const takePendingSql = `
  DELETE FROM pending_names WHERE mac IN (SELECT mac FROM pending_names ORDER BY mac LIMIT 1000) RETURNING mac::text`
const reservedNamesSql = "SELECT mac::text, name FROM reservations WHERE mac = ANY ($1::macaddr[]) AND source <> 'auto'"

const applyPendingNames = Effect.fnUntraced(function*(client: Client) {
  const macs = (yield* client.query<{ mac: Mac }>(takePendingSql)).map(({ mac }) => mac)
  if (macs.length === 0) return 0
  const systems = yield* knownSystems(client, macs)
  const decided = yield* loadDecided(client, macs)
  const reserved = new Map<string, Array<Mac>>()
  for (const { mac, name } of yield* client.query<{ mac: Mac; name: string }>(reservedNamesSql, [macs])) {
    reserved.set(name, [...reserved.get(name) ?? [], mac])
  }
  const assigned = yield* settleNames(client, systems, [...systems.known.keys()], decided, reserved)
  yield* writeSystems(client, systems)
  const facts = systemFacts(systems, assigned)
  if (facts.length > 0) yield* insertFacts(client, facts)
  return macs.length
})
