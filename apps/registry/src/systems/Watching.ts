/**
 * Tells of systems: all that match, then what changes, for as long as somebody listens.
 *
 * The stream's position is read before the snapshot, so that nothing is missed between the two; what happened in between is told
 * twice at worst. Everything is pulled by the listener, a page or a few messages at a time.
 */
import type { Mac, SystemState } from "@leasehold/events"
import { Nats, Postgres } from "@leasehold/runtime"
import { Context, Effect, Layer, Option, Stream } from "effect"
import { ApiError } from "../api/ApiError.ts"
import { factsAfter, requireFrom, streamState, type SystemFact, type Told } from "./factsAfter.ts"
import { type KnownSystem, knownSystemColumns } from "./KnownSystem.ts"
import { matches } from "./matches.ts"
import { readResumeToken, resumeTokens, type WatchPosition } from "./ResumeToken.ts"
import type { SystemFilter } from "./SystemFilter.ts"
import { Systems } from "./Systems.ts"

export type Change =
  | "snapshot"
  | "snapshot-end"
  | "discovered"
  | "address-changed"
  | "renamed"
  | "name-conflict"
  | "state-changed"

export interface Watched {
  readonly change: Change
  readonly system: KnownSystem | undefined
  /** Address, name or state before the change. */
  readonly previous: string
  readonly at: string | undefined
  readonly resumeToken: string
}

const pageSize = 500
const batch = 64
const mostWatchers = 200

const systemsSql = `
  SELECT ${knownSystemColumns}, EXISTS (SELECT FROM reservations r WHERE r.mac = s.mac) AS "isReserved"
  FROM systems s WHERE s.mac = ANY ($1::macaddr[])`

const changes = {
  "system.discovered": "discovered",
  "system.address-changed": "address-changed",
  "system.renamed": "renamed",
  "system.name-conflict": "name-conflict",
  "system.state-changed": "state-changed"
} as const satisfies Record<SystemFact["type"], Change>

export class Watching extends Context.Service<Watching, {
  /** @param token of an earlier message; empty to begin with the snapshot */
  watch(filter: SystemFilter, token: string): Stream.Stream<Watched, ApiError>
}>()("registry/systems/Watching") {
  static readonly layer = Layer.effect(
    Watching,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const nats = yield* Nats
      const systems = yield* Systems
      let watchers = 0

      /** Where to begin; without a token, at the end of the stream, and with the snapshot. */
      const begin = Effect.fnUntraced(function*(filter: SystemFilter, token: string) {
        if (token === "") {
          const { last, stream } = yield* streamState(nats.manager)
          return { stream, sequence: last, after: "" } satisfies WatchPosition
        }
        const position = readResumeToken(filter, token)
        if (Option.isNone(position)) {
          return yield* ApiError.invalid("resume_token", "a token of an earlier answer, for the same filter")
        }
        yield* requireFrom(nats.manager, position.value.stream, position.value.sequence)
        return position.value
      }, Effect.catchTags({ NatsError: () => Effect.fail(away), TooOld: () => Effect.fail(tooOld) }))

      const snapshot = (
        filter: SystemFilter,
        { after = "", sequence, stream }: WatchPosition,
        tokenOf: (position: WatchPosition) => string
      ): Stream.Stream<Watched> =>
        Stream.paginate(after, (after) =>
          Effect.map(
            systems.list(filter, { after: after === "" ? undefined : after, size: pageSize }),
            (page) => [page, page.length < pageSize ? Option.none() : Option.fromNullishOr(page.at(-1)?.mac)]
          )).pipe(
            Stream.map((system): Watched => ({
              change: "snapshot",
              system,
              previous: "",
              at: undefined,
              resumeToken: tokenOf({ stream, sequence, after: system.mac })
            })),
            Stream.concat(Stream.succeed<Watched>({
              change: "snapshot-end",
              system: undefined,
              previous: "",
              at: undefined,
              resumeToken: tokenOf({ stream, sequence })
            }))
          )

      const changesAfter = (
        filter: SystemFilter,
        { sequence, stream }: WatchPosition,
        tokenOf: (position: WatchPosition) => string
      ): Stream.Stream<Watched, ApiError> =>
        factsAfter(nats, stream, sequence).pipe(
          Stream.catchTag("TooOld", () => Stream.fail(tooOld)),
          Stream.groupedWithin(batch, "5 millis"),
          Stream.mapEffect((told) =>
            Effect.map(
              Effect.orDie(postgres.query<KnownSystem & { readonly isReserved: boolean }>(systemsSql, [macsOf(told)])),
              (rows) => {
                const known = new Map(rows.map((row) => [row.mac, row]))
                return told.flatMap(({ fact, sequence }) =>
                  tell(filter, fact, fact && known.get(fact.mac), tokenOf({ stream, sequence }))
                )
              }
            )
          ),
          Stream.flattenIterable
        )

      return Watching.of({
        watch: (filter, token) =>
          Stream.unwrap(Effect.gen(function*() {
            if (watchers >= mostWatchers) {
              return yield* ApiError.refuse("resource-exhausted", `${mostWatchers} watch already: ask another replica`)
            }
            watchers++
            yield* Effect.addFinalizer(() => Effect.sync(() => watchers--))
            const position = yield* begin(filter, token)
            const tokenOf = resumeTokens(filter)
            const facts = changesAfter(filter, position, tokenOf)
            return position.after === undefined
              ? facts
              : Stream.concat(snapshot(filter, position, tokenOf), facts)
          }))
      })
    })
  )
}

const away = ApiError.refuse("unavailable", "NATS does not answer: try again")
const tooOld = ApiError.refuse(
  "out-of-range",
  "the changes since then are not kept any more: start over without a token",
  "resume_token"
)

const macsOf = (told: ReadonlyArray<Told>): ReadonlyArray<Mac> => [
  ...new Set(told.flatMap(({ fact }) => fact === undefined ? [] : [fact.mac]))
]

/** What the fact says stands over what is known by now; who leaves what is watched is told too. */
const tell = (
  filter: SystemFilter,
  fact: SystemFact | undefined,
  known: (KnownSystem & { readonly isReserved: boolean }) | undefined,
  resumeToken: string
): ReadonlyArray<Watched> => {
  if (fact === undefined || known === undefined) return []
  const { isReserved, ...row } = known
  const system: KnownSystem = { ...row, name: fact.name, nameSource: fact.nameSource, ...saidBy(fact, row) }
  return matches(filter, system, isReserved) || matches(filter, { ...system, ...before(fact) }, isReserved)
    ? [{ change: changes[fact.type], system, previous: previousOf(fact), at: fact.at, resumeToken }]
    : []
}

const saidBy = (fact: SystemFact, row: KnownSystem): Pick<KnownSystem, "address" | "subnet" | "state"> => ({
  address: fact.address,
  subnet: fact.address === row.address ? row.subnet : null,
  state: fact.type === "system.state-changed" ? fact.state : row.state
})

const before = (fact: SystemFact): Partial<KnownSystem> => {
  switch (fact.type) {
    case "system.address-changed":
      return { address: fact.previous }
    case "system.renamed":
      return { name: fact.previous }
    case "system.state-changed":
      return { state: fact.previous satisfies SystemState }
    default:
      return {}
  }
}

const previousOf = (fact: SystemFact): string => "previous" in fact ? fact.previous ?? "" : ""
