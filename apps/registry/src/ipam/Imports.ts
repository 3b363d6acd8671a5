/**
 * Imports: all of the reservations, or none, as one change and one new generation of each server.
 *
 * Everything that is wrong is told at once, item by item. Nothing is asked or told for each item: the registry's events
 * wait for one transaction, of about a second for ten thousand hosts.
 */
import type { Client } from "@leasehold/runtime"
import { Context, Effect, Layer } from "effect"
import { Administration } from "../administration/Administration.ts"
import { ApiError } from "../api/ApiError.ts"
import type { Caller } from "../api/Caller.ts"
import type { ImportMode, Item, Placed, Plan, Problem } from "./Imports/model.ts"
import { placeItems } from "./Imports/place.ts"
import { planImport } from "./Imports/plan.ts"
import { writePlan } from "./Imports/writes.ts"
import type { Reservation } from "./model.ts"
import { givenNames, proposeNames } from "./Reservations/names.ts"
import { loadReservations } from "./Reservations/rows.ts"
import { loadSubnets } from "./Subnets/rows.ts"

export type { ImportMode, Item, Problem } from "./Imports/model.ts"

/** Items of one import. */
export const mostItems = 100_000

export interface Import {
  readonly items: ReadonlyArray<Item>
  /** Of items that could not be read. */
  readonly problems: ReadonlyArray<Problem>
  readonly mode: ImportMode
  readonly dryRun: boolean
}

export interface Difference {
  /** -1 for what is removed. */
  readonly item: number
  readonly before: Reservation | undefined
  readonly after: Reservation | undefined
}

export interface Imported {
  readonly created: number
  readonly changed: number
  readonly unchanged: number
  readonly removed: number
  readonly problems: ReadonlyArray<Problem>
  readonly differences: ReadonlyArray<Difference>
  readonly change: bigint
}

/** Ends the transaction before anything is written. */
const withProblems = (found: ReadonlyArray<Problem>): Omit<Imported, "change"> => ({
  created: 0,
  changed: 0,
  unchanged: 0,
  removed: 0,
  // What is wrong with a field is told once, as it was found first.
  problems: [...new Map(found.toReversed().map((one) => [`${one.item} ${one.field}`, one])).values()]
    .toReversed().toSorted((one, other) => one.item - other.item),
  differences: []
})

const differencesOf = ({ changed, created, removed }: Plan): ReadonlyArray<Difference> => [
  ...removed.map((before) => ({ item: -1, before, after: undefined })),
  ...[...changed, ...created.map((one) => ({ ...one, before: undefined }))].toSorted((one, other) =>
    one.item - other.item
  )
]

export class Imports extends Context.Service<Imports, {
  run(caller: Caller, what: Import): Effect.Effect<Imported, ApiError>
}>()("registry/ipam/Imports") {
  static readonly layer = Layer.effect(
    Imports,
    Effect.gen(function*() {
      const administration = yield* Administration
      const run = Effect.fn("Imports.run")(function*(caller: Caller, what: Import) {
        const { dryRun, items, mode } = what
        if (items.length > mostItems) {
          return yield* ApiError.refuse(
            "resource-exhausted",
            `at most ${mostItems} items in one import`,
            "reservations"
          )
        }
        const { change, result } = yield* administration.change(
          { caller, action: `import ${mode}`, dryRun },
          (client) =>
            Effect.gen(function*() {
              const { placed, problems } = placeItems(items, yield* loadSubnets(client, "true", []))
              const surroundings = yield* loadSurroundings(client, placed, mode)
              const plan = planImport(placed, surroundings, mode)
              const all = [...what.problems, ...problems, ...plan.problems]
              if (all.length > 0) return withProblems(all)
              yield* writePlan(client, plan)
              return {
                created: plan.created.length,
                changed: plan.changed.length,
                unchanged: plan.unchanged,
                removed: plan.removed.length,
                problems: [],
                differences: dryRun ? differencesOf(plan) : []
              }
            })
        )
        return { ...result, change }
      })
      return Imports.of({ run })
    })
  )
}

const concernedSql = `r.id IN (
  SELECT coalesce(m.also_of, m.id) FROM reservations m WHERE m.mac = ANY ($1::macaddr[])
  UNION SELECT coalesce(m.also_of, m.id) FROM reservations m WHERE m.address = ANY ($2::inet[])
  UNION SELECT coalesce(m.also_of, m.id) FROM reservations m WHERE m.name = ANY ($3::text[])
  UNION SELECT m.id FROM reservations m WHERE m.subnet_id = ANY ($4::bigint[]) AND m.also_of IS NULL)`

/** The reservations that could be concerned, and names for those of which none is said. */
const loadSurroundings = Effect.fnUntraced(
  function*(client: Client, placed: ReadonlyArray<Placed>, mode: ImportMode) {
    const unnamed = placed.filter(({ settings }) => settings.name === undefined && !settings.ignore)
    const names = yield* proposeNames(
      client,
      unnamed.flatMap(({ address, macs, subnet }) => macs.map((mac) => ({ mac, subnet, address })))
    )
    const wanted = [...placed.flatMap(({ settings }) => settings.name ?? []), ...[...names.values()].flat()]
    const existing = yield* loadReservations(client, concernedSql, [
      placed.flatMap(({ macs }) => macs),
      placed.flatMap(({ address }) => address ?? []),
      wanted,
      mode === "replace" ? [...new Set(placed.map(({ subnet }) => subnet.id))] : []
    ])
    const given = yield* givenNames(client, wanted)
    return { existing, names, given: new Map(given.map(({ mac, name }) => [name, mac])) }
  }
)
