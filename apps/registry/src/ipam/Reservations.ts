/**
 * Reservations: what an administrator decides that a machine gets.
 *
 * Each change is one transaction under the writer lock, in which whoever has what is wanted is looked for before it is
 * written, so that a refusal names it. Automatic reservations give way.
 */
import { Ipv4, type Mac } from "@leasehold/events"
import { type Client, Postgres, type PostgresError } from "@leasehold/runtime"
import { Context, Effect, Layer, Schema } from "effect"
import { Administration } from "../administration/Administration.ts"
import { ApiError } from "../api/ApiError.ts"
import type { Caller } from "../api/Caller.ts"
import { Identifier, pageSize, pageTokenReader } from "../api/pageToken.ts"
import { FreeAddresses, takeNext } from "./FreeAddresses.ts"
import type { Reservation, ReservationSettings, ReservationSource } from "./model.ts"
import { type Page, pageOf, type PageRequest } from "./pages.ts"
import { refuseConflicts, type Wanted } from "./Reservations/conflicts.ts"
import { chooseName } from "./Reservations/names.ts"
import { findReservation, loadReservations } from "./Reservations/rows.ts"
import { insertReservation, updateReservation } from "./Reservations/writes.ts"
import { findSubnet, listed, loadSubnets, type StoredSubnet } from "./Subnets/rows.ts"

/** What is to be changed; what is not there stays. */
export interface ReservationPatch
  extends
    Partial<Pick<ReservationSettings, "address" | "comment" | "enabled" | "leaseTime" | "macs" | "name" | "subnet">> {
  /** An infinite lease time becomes that of the subnet; a finite one stays. */
  readonly notInfinite?: true
}

export interface ReservationFilter {
  readonly subnet?: string
  readonly name?: string
  readonly sources?: ReadonlyArray<ReservationSource>
  readonly server?: string
  readonly enabled?: boolean
  readonly mac?: Mac
}

export interface ChangedReservation {
  readonly reservation: Reservation
  readonly change: bigint
}

/** The address, where it has one, and the identifier. */
const readToken = pageTokenReader(Schema.Tuple([Schema.Union([Ipv4, Schema.Literal("")]), Identifier]))

export class Reservations extends Context.Service<Reservations, {
  /** @param action in the change log, where it is not `host add` */
  create(
    caller: Caller,
    settings: ReservationSettings,
    dryRun: boolean,
    action?: string
  ): Effect.Effect<ChangedReservation, ApiError>
  /** By identifier, address, name, `name.domain` or MAC. */
  get(key: string): Effect.Effect<Reservation, ApiError>
  /** In the order of their addresses; those without come last. */
  list(filter: ReservationFilter, page: PageRequest): Effect.Effect<Page<Reservation>, ApiError>
  update(
    caller: Caller,
    key: string,
    patch: ReservationPatch,
    dryRun: boolean
  ): Effect.Effect<ChangedReservation, ApiError>
  remove(caller: Caller, key: string, dryRun: boolean): Effect.Effect<ChangedReservation, ApiError>
}>()("registry/ipam/Reservations") {
  static readonly layer = Layer.effect(
    Reservations,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const administration = yield* Administration
      const addresses = yield* FreeAddresses
      /** Where the next free address may be; looked for before anybody has to wait. */
      const search = (subnet: Effect.Effect<StoredSubnet, ApiError | PostgresError>) =>
        Effect.flatMap(Effect.catchTag(subnet, "PostgresError", Effect.die), addresses.search)

      const create = Effect.fn("Reservations.create")(
        function*(caller: Caller, settings: ReservationSettings, dryRun: boolean, action = "host add") {
          const beginning = settings.address === "next"
            ? yield* search(subnetFor(postgres, settings.subnet, "next"))
            : undefined
          const { change, result } = yield* administration.change(
            { caller, action, dryRun },
            (client) =>
              Effect.gen(function*() {
                const subnet = yield* subnetFor(client, settings.subnet, settings.address)
                const address = settings.address === "next"
                  ? yield* takeNext(client, subnet, beginning)
                  : settings.address
                const { ignore, macs } = settings
                const name = ignore
                  ? undefined
                  : settings.name ?? (yield* nameFor(client, "0", { subnet, address, macs }))
                yield* refuseConflicts(client, { id: "0", subnet, macs, address, name })
                const id = yield* insertReservation(client, {
                  ...settings,
                  address,
                  name,
                  source: "administrator",
                  subnetId: subnet.id
                })
                yield* forgetHold(client, address)
                return yield* loadOne(client, id)
              })
          )
          // The identifier of a trial will be somebody else's, or nobody's.
          return { reservation: dryRun ? { ...result, id: "0" } : result, change }
        }
      )

      const list = Effect.fn("Reservations.list")(
        function*(filter: ReservationFilter, page: PageRequest) {
          const size = yield* pageSize(page.size)
          const [address = "", id] = (yield* readToken(filter, page.token)) ?? []
          const subnet = filter.subnet === undefined
            ? undefined
            : yield* findSubnet(postgres, "filter.subnet", filter.subnet, false)
          const rows = yield* loadReservations(postgres, filterSql, [
            subnet?.id ?? null,
            filter.name ?? null,
            filter.sources === undefined || filter.sources.length === 0 ? null : filter.sources,
            filter.server ?? null,
            filter.enabled ?? null,
            filter.mac ?? null,
            address === "" ? null : address,
            id ?? null,
            size + 1
          ], "ORDER BY r.address, r.id LIMIT $9::int")
          return pageOf(rows, size, filter, (row) => [row.address ?? "", row.id])
        },
        Effect.catchTag("PostgresError", Effect.die)
      )

      const update = Effect.fn("Reservations.update")(
        function*(caller: Caller, key: string, patch: ReservationPatch, dryRun: boolean) {
          const beginning = patch.address === "next" ? yield* search(destination(postgres, key, patch)) : undefined
          const { change, result } = yield* administration.change(
            { caller, action: isMove(patch) ? "host move" : "host set", dryRun },
            (client) =>
              Effect.gen(function*() {
                const before = yield* findReservation(client, key)
                const after = yield* patched(client, before, patch, beginning)
                yield* updateReservation(client, before, after)
                if (after.address !== before.address) yield* forgetHold(client, after.address)
                return yield* loadOne(client, before.id)
              })
          )
          return { reservation: result, change }
        }
      )

      const remove = Effect.fn("Reservations.remove")(function*(caller: Caller, key: string, dryRun: boolean) {
        const { change, result } = yield* administration.change(
          { caller, action: "host rm", dryRun },
          (client) =>
            Effect.gen(function*() {
              const found = yield* findReservation(client, key)
              yield* client.query("DELETE FROM reservations WHERE id = $1::bigint OR also_of = $1::bigint", [found.id])
              return found
            })
        )
        return { reservation: result, change }
      })

      return Reservations.of({
        create,
        get: Effect.fn("Reservations.get")((key: string) =>
          Effect.catchTag(findReservation(postgres, key), "PostgresError", Effect.die)
        ),
        list,
        update,
        remove
      })
    })
  )
}

const filterSql = `
  ($1::bigint IS NULL OR r.subnet_id = $1) AND ($2::text IS NULL OR position(lower($2) IN r.name) > 0)
  AND ($3::text[] IS NULL OR r.source = ANY ($3)) AND ($5::boolean IS NULL OR r.enabled = $5)
  AND ($4::text IS NULL OR r.subnet_id IN (SELECT a.subnet_id FROM subnet_servers a WHERE a.server = $4))
  AND ($6::macaddr IS NULL OR r.id IN (SELECT coalesce(m.also_of, m.id) FROM reservations m WHERE m.mac = $6))
  AND ($8::bigint IS NULL OR r.address > $7::inet OR (r.address = $7::inet AND r.id > $8)
    OR (r.address IS NULL AND ($7::inet IS NOT NULL OR r.id > $8)))`

const loadOne = Effect.fnUntraced(function*(client: Client, id: string) {
  const [row] = yield* loadReservations(client, "r.id = $1::bigint", [id])
  return yield* Effect.orDie(Effect.fromNullishOr(row))
})

/** Nobody has to be kept from an address that is somebody's. */
const forgetHold = (client: Client, address: Ipv4 | undefined) =>
  address === undefined ? Effect.void : client.query("DELETE FROM address_holds WHERE address = $1::inet", [address])

/** The subnet that is meant: the one that is named, or the one of the address. */
const subnetFor = Effect.fnUntraced(
  function*(client: Client, key: string | undefined, address: Ipv4 | "next" | undefined) {
    if (key !== undefined) return yield* findSubnet(client, "reservation.subnet", key, false)
    const known = yield* loadSubnets(client, "true", [], "ORDER BY s.cidr LIMIT 6")
    if (address === undefined || address === "next") {
      const message = `expected the subnet, by CIDR or name, where no address is given; ${listed(known)}`
      return yield* ApiError.refuse("invalid-argument", message, "reservation.subnet")
    }
    const [subnet] = yield* loadSubnets(client, "s.cidr >>= $1::inet", [address])
    if (subnet !== undefined) return subnet
    const message = `no subnet has ${address}: create it first; ${listed(known)}`
    return yield* ApiError.refuse("failed-precondition", message, "reservation.address")
  }
)

/** Where it is, and nothing else. */
const isMove = (patch: ReservationPatch): boolean =>
  Object.keys(patch).every((field) => field === "address" || field === "subnet")

/** Where a reservation is to have the next free address. */
const destination = Effect.fnUntraced(function*(client: Client, key: string, { subnet }: ReservationPatch) {
  const own = subnet ?? (yield* findReservation(client, key)).subnet
  return yield* findSubnet(client, "reservation.subnet", own, false)
})

/** A name for whom none was said; a machine is called by its first MAC. */
const nameFor = (
  client: Client,
  id: string,
  { address, macs, subnet }: Pick<Wanted, "address" | "macs" | "subnet">
) => {
  const [mac] = macs
  return mac === undefined ? Effect.undefined : chooseName(client, id, { mac, subnet, address }, macs)
}

/** The reservation as it is to be, with nobody in its way. */
const patched = Effect.fnUntraced(
  function*(client: Client, before: Reservation, patch: ReservationPatch, beginning: Ipv4 | undefined) {
    if (before.ignore && (patch.address !== undefined || patch.name !== undefined)) {
      const field = patch.name === undefined ? "reservation.address" : "reservation.name"
      return yield* ApiError.refuse("failed-precondition", "an ignore entry has neither address nor name", field)
    }
    if (before.ignore && (patch.macs?.length ?? 1) > 1) {
      return yield* ApiError.invalid("reservation.macs", "one MAC for an ignore entry", patch.macs)
    }
    const macs = patch.macs ?? before.macs
    const follows = "address" in patch && patch.address !== undefined && patch.address !== "next"
    const subnet = yield* subnetFor(client, patch.subnet ?? (follows ? undefined : before.subnet), patch.address)
    const next = "address" in patch ? patch.address : before.address
    const address = next === "next" ? yield* takeNext(client, subnet, beginning) : next
    const unnamed = "name" in patch && patch.name === undefined && !before.ignore
    const name = unnamed
      ? yield* nameFor(client, before.id, { subnet, address, macs })
      : patch.name ?? before.name
    // What stays is nobody's question: it may be older than a rule.
    const asked = address === before.address && subnet.id === before.subnetId ? undefined : address
    yield* refuseConflicts(client, { id: before.id, subnet, macs, address: asked, name })
    const leaseTime = "leaseTime" in patch ? patch.leaseTime : before.leaseTime
    return {
      macs,
      address,
      name,
      ignore: before.ignore,
      enabled: patch.enabled ?? before.enabled,
      leaseTime: patch.notInfinite === true && leaseTime === "infinite" ? undefined : leaseTime,
      comment: patch.comment ?? before.comment,
      subnetId: subnet.id
    }
  }
)
