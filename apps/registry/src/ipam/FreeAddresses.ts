/**
 * The next free address of a subnet: each caller is told another, however many ask at once.
 *
 * The search holds nothing; what it found is looked at again under a lock on the subnet's row, so that other subnets,
 * reservations and events go on meanwhile. What was told is held for a minute: `next` is never such an address, not even
 * for whom it was told; who names it may have it.
 */
import { Ipv4 } from "@leasehold/events"
import { type Client, Postgres, type PostgresError } from "@leasehold/runtime"
import { Context, Effect, Layer, Schema, Semaphore } from "effect"
import { ApiError } from "../api/ApiError.ts"
import { subnetLabel } from "./model.ts"
import { expireSql, holdSql, isBounded, lockSql, nextSql, takeSql, untilSql } from "./Subnets/free.ts"
import { findSubnet, type StoredSubnet } from "./Subnets/rows.ts"

export interface HeldAddress {
  readonly address: Ipv4
  readonly until: string
}

/** Callers that search at once; the others wait here and not for a connection. */
const atOnce = 2

const decodeAddress = Schema.decodeUnknownEffect(Ipv4)

const full = (subnet: StoredSubnet, field: string) =>
  ApiError.refuse(
    "resource-exhausted",
    `${subnetLabel(subnet)} is full: `
      + "every address is reserved, leased, excluded, or was told to somebody within the last minute",
    field
  )

const refuseUnbounded = (subnet: StoredSubnet, field: string) =>
  isBounded(subnet)
    ? Effect.void
    : Effect.fail(ApiError.refuse(
      "failed-precondition",
      `nothing says which addresses of ${subnet.cidr} are taken, the DHCP server's own among them: set its range, its gateway or its exclusions first`,
      field
    ))

interface Found {
  readonly address: string | null
}

const found = Effect.fnUntraced(
  function*(subnet: StoredSubnet, field: string, rows: Effect.Effect<ReadonlyArray<Found>, PostgresError>) {
    const [row] = yield* rows
    return row?.address == null ? yield* full(subnet, field) : yield* Effect.orDie(decodeAddress(row.address))
  }
)

const reservedField = "reservation.address"

/**
 * The next free address that nobody was told, to be reserved in the same transaction.
 *
 * @param beginning where a search ended before the transaction: what is left to do under its locks is to look again there
 */
export const takeNext = Effect.fnUntraced(function*(client: Client, subnet: StoredSubnet, beginning: Ipv4 | undefined) {
  yield* refuseUnbounded(subnet, reservedField)
  yield* client.query(lockSql, [subnet.id])
  return yield* found(subnet, reservedField, client.query(takeSql, [subnet.id, beginning ?? null]))
})

interface Told {
  readonly address: string
  readonly until: string
}

const hold = Effect.fnUntraced(function*(client: Client, subnet: StoredSubnet, beginning: Ipv4) {
  yield* client.query(lockSql, [subnet.id])
  yield* client.query(expireSql, [subnet.id])
  const [row] = yield* client.query<Told>(holdSql, [subnet.id, beginning])
  if (row === undefined) return yield* full(subnet, "subnet")
  return { address: yield* Effect.orDie(decodeAddress(row.address)), until: row.until }
})

export class FreeAddresses extends Context.Service<FreeAddresses, {
  /**
   * @param key CIDR or name of the subnet
   * @param dryRun holds nothing: somebody else may be told the same
   */
  next(key: string, dryRun: boolean): Effect.Effect<HeldAddress, ApiError>
  /** Where `takeNext` is to begin. It may take long where most is taken, and holds nobody up. */
  search(subnet: StoredSubnet): Effect.Effect<Ipv4, ApiError>
}>()("registry/ipam/FreeAddresses") {
  static readonly layer = Layer.effect(
    FreeAddresses,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const turns = yield* Semaphore.make(atOnce)
      const searched = Effect.fnUntraced(function*(subnet: StoredSubnet, field: string) {
        yield* refuseUnbounded(subnet, field)
        return yield* found(subnet, field, postgres.query(nextSql, [subnet.id, null]))
      })
      const next = Effect.fn("FreeAddresses.next")(
        function*(key: string, dryRun: boolean) {
          const subnet = yield* findSubnet(postgres, "subnet", key, false)
          const address = yield* searched(subnet, "subnet")
          if (!dryRun) return yield* postgres.transaction((client) => hold(client, subnet, address))
          const [row] = yield* postgres.query<Omit<Told, "address">>(untilSql)
          return { address, until: row?.until ?? "" }
        },
        (effect) => Effect.catchTag(turns.withPermits(1)(effect), "PostgresError", Effect.die)
      )
      const search = Effect.fn("FreeAddresses.search")(
        (subnet: StoredSubnet) =>
          Effect.catchTag(turns.withPermits(1)(searched(subnet, reservedField)), "PostgresError", Effect.die)
      )
      return FreeAddresses.of({ next, search })
    })
  )
}
