/**
 * The next free address of a subnet: each caller is told another, however many ask at once.
 *
 * Whoever looks holds a lock on the subnet's row and on nothing else, so that other subnets, reservations and events go
 * on meanwhile. What was told is held for a minute: `next` is never such an address, not even for whom it was told; who
 * names it may have it.
 */
import { Ipv4 } from "@leasehold/events"
import { type Client, Postgres } from "@leasehold/runtime"
import { Context, Effect, Layer, Schema, Semaphore } from "effect"
import { ApiError } from "../api/ApiError.ts"
import { expireSql, holdSql, isBounded, lockSql, nextSql, tellSql } from "./Subnets/free.ts"
import { findSubnet, type StoredSubnet } from "./Subnets/rows.ts"

export interface HeldAddress {
  readonly address: Ipv4
  readonly until: string
}

/** Callers that search at once; the others wait here and not for a connection. */
const atOnce = 2

const decodeAddress = Schema.decodeUnknownEffect(Ipv4)

const full = ({ cidr, name }: StoredSubnet, field: string) =>
  ApiError.refuse(
    "resource-exhausted",
    `${cidr} (${name}) is full: every address is reserved, leased, excluded, or was told to somebody within the last minute`,
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

/** The next free address that nobody was told; to be reserved in the same transaction. */
export const takeNext = Effect.fnUntraced(function*(client: Client, subnet: StoredSubnet) {
  yield* refuseUnbounded(subnet, "reservation.address")
  yield* client.query(lockSql, [subnet.id])
  const [row] = yield* client.query<{ address: string | null }>(nextSql, [[subnet.id]])
  if (row?.address == null) return yield* full(subnet, "reservation.address")
  return yield* Effect.orDie(decodeAddress(row.address))
})

interface Told {
  readonly address: string
  readonly until: string
}

const tell = (client: Client, { id }: StoredSubnet) => client.query<Told>(tellSql, [[id]])

const hold = Effect.fnUntraced(function*(client: Client, { id }: StoredSubnet) {
  yield* client.query(lockSql, [id])
  yield* client.query(expireSql, [id])
  return yield* client.query<Told>(holdSql, [[id]])
})

export class FreeAddresses extends Context.Service<FreeAddresses, {
  /**
   * @param key CIDR or name of the subnet
   * @param dryRun holds nothing: somebody else may be told the same
   */
  next(key: string, dryRun: boolean): Effect.Effect<HeldAddress, ApiError>
}>()("registry/ipam/FreeAddresses") {
  static readonly layer = Layer.effect(
    FreeAddresses,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const turns = yield* Semaphore.make(atOnce)
      const next = Effect.fn("FreeAddresses.next")(
        function*(key: string, dryRun: boolean) {
          return yield* postgres.transaction((client) =>
            Effect.gen(function*() {
              const subnet = yield* findSubnet(client, "subnet", key, false)
              yield* refuseUnbounded(subnet, "subnet")
              const [row] = yield* (dryRun ? tell(client, subnet) : hold(client, subnet))
              if (row === undefined) return yield* full(subnet, "subnet")
              return { address: yield* Effect.orDie(decodeAddress(row.address)), until: row.until }
            })
          )
        },
        (effect) => Effect.catchTag(turns.withPermits(1)(effect), "PostgresError", Effect.die)
      )
      return FreeAddresses.of({ next })
    })
  )
}
