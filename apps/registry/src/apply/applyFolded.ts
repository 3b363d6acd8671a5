/**
 * What one transaction does: asks for everything that it has to know, works out what follows, and writes that.
 *
 * Questions and statements that do not depend on each other's answers are sent together: most batches take four turns
 * with the database, those with newcomers five.
 */
import type { DhcpEvent, Mac } from "@leasehold/events"
import type { Client, PostgresError } from "@leasehold/runtime"
import { Effect, Fiber } from "effect"
import { refold, type Refolded } from "../history/refold.ts"
import { insertFacts } from "../outbox/insertFacts.ts"
import {
  claimsOf,
  loadOpenClaims,
  prepareClaims,
  settleRest,
  writeReservations
} from "../reserve/settleReservations.ts"
import { isSameWish } from "../names/candidates.ts"
import type { Nameable, Naming } from "../names/Naming.ts"
import { gapFact, systemFacts } from "./facts.ts"
import type { Folded, Observed, Place } from "./foldEvents.ts"
import {
  type Decided,
  type Evidence,
  loadDecided,
  loadEvidence,
  loadSystems,
  loadTaken,
  nothingTaken
} from "./loads.ts"
import { databaseBook } from "./NameBook.ts"
import type { NamingCache } from "./NamingCache.ts"
import { type Folding, settleAddresses } from "./settleAddresses.ts"
import { likelyNames, settleNames } from "./settleNames.ts"
import { timeOf } from "./stamp.ts"
import { observe, type System, type Systems } from "./system.ts"
import { deleteStretches, insertGaps, insertSightings, insertStretches, type SightingRow } from "./writes.ts"
import { writeNames, writeSystems } from "./writeSystems.ts"

/** More than any batch sends at once. */
const together = { concurrency: 16 } as const

/**
 * Every statement finds its rows by an index, whatever the planner thinks of the sizes of arrays and tables: plans are
 * kept, and one that was made for a small table would be ruinous for a large one.
 */
const beginSql = `
  SELECT take_writer_lock(), set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true), iso_timestamp(clock_timestamp()) AS now`

/** Takes the writer lock to the end of the transaction. Returns the time by then: later than that of the writer before. */
export const beginWriting = (client: Client): Effect.Effect<string, PostgresError> =>
  Effect.map(client.query<{ now: string }>(beginSql, [], "begin-writing"), ([row]) => row?.now ?? "")

/** Returns whether there is something new in the outbox. */
export const applyFolded = Effect.fnUntraced(function*(client: Client, folded: Folded, cache: NamingCache) {
  const [now, rows] = yield* Effect.all(
    [beginWriting(client), loadSystems(client, [...folded.observed.keys()])],
    together
  )
  const systems = systemsOf(rows)
  const { places, renewals } = sortPlaces(folded.places.values(), systems)
  const curious = [...folded.observed.values()].filter((one) => isNews(systems.known.get(one.mac), one))
  const { decided, evidence, naming, open, taken } = yield* Effect.all({
    evidence: places.length === 0 ? Effect.succeed([]) : loadEvidence(client, places),
    open: loadOpenClaims(client, claimsOf([...places, ...renewals.filter((place) => !isReserved(place, systems))])),
    decided: curious.length === 0 ? Effect.succeed(noDecisions) : loadDecided(client, curious.map(({ mac }) => mac)),
    taken: loadTakenFor(client, systems, curious, cache.latest),
    naming: curious.length === 0 ? Effect.succeed(cache.latest) : cache.current(client)
  }, together)
  const { foldings, sightings } = foldPlaces(places, evidence)
  for (const place of renewals) {
    foldings.push({ place, refolded: renewal(place) })
    for (const sighting of place.sightings) sightings.push({ ...sighting, place })
  }
  // PostgreSQL writes this while the rest is worked out.
  const history = yield* Effect.forkChild(Effect.all(writeHistory(client, foldings, sightings), together), {
    startImmediately: true
  })
  yield* loadStrangers(client, systems, foldings, folded.observed)
  const claims = yield* prepareClaims(client, open)
  const unnamed: Array<Mac> = []
  const asked = new Set(curious.map(({ mac }) => mac))
  const isGiven = (name: string, system: Nameable) =>
    asked.has(system.mac) && (decided.get(system.mac)?.given.has(name) === true || naming.generates(system, name))
  for (const [mac, observed] of folded.observed) {
    const known = systems.known.get(mac)
    const system = observe(known, observed, isGiven)
    systems.now.set(mac, system)
    if (isToBeNamed(naming, known, system)) unnamed.push(mac)
  }
  const lost = yield* settleAddresses(client, systems, foldings)
  const settled = yield* settleNames(databaseBook(client), unnamed, {
    systems,
    naming,
    decided,
    taken,
    reservedNames: new Map()
  })
  const gaps = yield* writeGaps(client, folded.gaps)
  const facts = [...systemFacts(systems, settled, { now, lost }), ...gaps.map(gapFact)]
  const unsettled = claims.settle()

  yield* Fiber.join(history)
  const statements = [...writeSystems(client, systems), ...writeNames(client, settled)]
  if (unsettled !== undefined) {
    yield* Effect.all(statements.splice(0), together)
    yield* settleRest(client, claims, unsettled)
  }
  const reservations = writeReservations(client, claims.settlement)
  statements.push(...reservations)
  if (facts.length > 0) statements.push(insertFacts(client, facts))
  yield* Effect.all(statements, together)
  return facts.length + reservations.length > 0
})

export const systemsOf = (rows: ReadonlyArray<System>): Systems => {
  const known = new Map(rows.map((system) => [system.mac, system]))
  return { known, now: new Map(known) }
}

/**
 * Most events say again what is known: that a system still holds the address which it holds, later than was known. They
 * change no history, and nothing has to be asked for them.
 */
const sortPlaces = (all: Iterable<Place>, { known }: Systems) => {
  const places: Array<Place> = []
  const renewals: Array<Place> = []
  for (const place of all) {
    const [first] = place.sightings
    const system = first === undefined ? undefined : known.get(first.mac)
    const isRenewal = system !== undefined && system.address === place.address &&
      system.addressServer === place.server && system.addressStamp !== null && system.addressStamp < place.from &&
      place.sightings.every(({ held, mac }) => held && mac === system.mac)
    if (isRenewal) renewals.push(place)
    else places.push(place)
  }
  return { places, renewals }
}

const isReserved = ({ address, sightings: [first] }: Place, { known }: Systems): boolean =>
  first !== undefined && known.get(first.mac)?.reserved.includes(address) === true

const renewal = ({ sightings }: Place): Refolded => {
  const holder = sightings[0]?.mac
  const lastHeld = sightings.reduce((last, { stamp }) => stamp > last ? stamp : last, "")
  return { removed: [], added: [], holderBefore: holder, holder, lastHeld }
}

const foldPlaces = (places: ReadonlyArray<Place>, evidence: ReadonlyArray<Evidence>) => {
  const fresh: Array<SightingRow> = []
  const foldings = places.map((place, n): Folding => {
    const { sightings = [], stretches = [] } = evidence[n] ?? {}
    const stamps = new Set(sightings.map(({ stamp }) => stamp))
    const all = [...sightings]
    for (const sighting of place.sightings) {
      if (stamps.has(sighting.stamp)) continue
      stamps.add(sighting.stamp)
      all.push(sighting)
      fresh.push({ ...sighting, place })
    }
    return { place, refolded: refold(stretches, timeOf(place.from), all) }
  })
  return { foldings, sightings: fresh }
}

/** Systems that lost an address without a word of their own in the batch. */
const loadStrangers = Effect.fnUntraced(
  function*(client: Client, systems: Systems, foldings: ReadonlyArray<Folding>, observed: ReadonlyMap<Mac, Observed>) {
    const strangers = new Set(
      foldings.flatMap(({ refolded: { holder, holderBefore } }) =>
        holderBefore === undefined || holderBefore === holder || observed.has(holderBefore) ? [] : [holderBefore]
      )
    )
    if (strangers.size === 0) return
    for (const system of yield* loadSystems(client, [...strangers])) {
      systems.known.set(system.mac, system)
      systems.now.set(system.mac, system)
    }
  }
)

const noDecisions: ReadonlyMap<Mac, Decided> = new Map()

/** Whether something may have become known that a name follows from: newcomers, new names, earlier first addresses. */
const isNews = (known: System | undefined, { firstHeld, names }: Observed): boolean =>
  known === undefined || (known.firstName === null && names.length > 0) ||
  (firstHeld !== undefined && (known.firstAddressStamp === null || firstHeld.stamp < known.firstAddressStamp)) ||
  names.some(({ first, own, text }) =>
    (!own && text !== known.saidName && text !== known.suffixedName) ||
    (known.firstNameStamp !== null && first < known.firstNameStamp)
  )

/** Who has the names that the batch will most likely want. */
const loadTakenFor = (client: Client, { known }: Systems, curious: ReadonlyArray<Observed>, naming: Naming) => {
  const unnamed = curious.flatMap((one) => {
    const before = known.get(one.mac)
    const after = observe(before, one, () => false)
    return isToBeNamed(naming, before, after) ? [after] : []
  })
  return unnamed.length === 0 ? Effect.succeed(nothingTaken()) : loadTaken(client, likelyNames(naming, unnamed))
}

/**
 * Newcomers, and those whom the policies in force would call otherwise by what is known now: not those whom another policy
 * called otherwise. Where who was last has a name, when it was told counts too.
 */
const isToBeNamed = (naming: Naming, known: System | undefined, system: System): boolean => {
  if (known === undefined) return true
  if (known.nameSource !== "generated" && known.nameSource !== "client") return false
  if (
    known.firstName === system.firstName && known.firstAddress === system.firstAddress &&
    known.firstNameStamp === system.firstNameStamp
  ) return false
  const wanted = naming.wanted(system, undefined)
  return !isSameWish(naming.wanted(known, undefined), wanted) ||
    (wanted.lastWins === true && known.firstNameStamp !== system.firstNameStamp)
}

/** The statements, in the order in which they are to be run: stretches that end make room first. */
const writeHistory = (client: Client, foldings: ReadonlyArray<Folding>, sightings: ReadonlyArray<SightingRow>) => {
  const removed = foldings.flatMap(({ place, refolded }) => refolded.removed.map((stretch) => ({ ...stretch, place })))
  const added = foldings.flatMap(({ place, refolded }) => refolded.added.map((stretch) => ({ ...stretch, place })))
  const statements: Array<Effect.Effect<unknown, PostgresError>> = []
  if (sightings.length > 0) statements.push(insertSightings(client, sightings))
  if (removed.length > 0) statements.push(deleteStretches(client, removed))
  if (added.length > 0) statements.push(insertStretches(client, added))
  return statements
}

/** The gaps that were not known: one that is in the batch twice is announced once. */
const writeGaps = Effect.fnUntraced(function*(client: Client, gaps: ReadonlyArray<DhcpEvent>) {
  if (gaps.length === 0) return []
  const fresh = new Set((yield* insertGaps(client, gaps)).map(({ event_id }) => event_id))
  return gaps.filter(({ id }) => fresh.delete(id))
})
