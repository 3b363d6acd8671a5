/** Asks what is known of systems. */
import { Ipv4, Mac } from "@leasehold/events"
import { Postgres, type PostgresError } from "@leasehold/runtime"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { ApiError } from "../api/ApiError.ts"
import { type KnownSystem, knownSystemColumns } from "./KnownSystem.ts"
import { conditionOf, type SystemFilter } from "./SystemFilter.ts"

const byMacSql = `SELECT ${knownSystemColumns} FROM systems s WHERE s.mac = $1::macaddr`
// Servers that do not know of each other may both have given the address: who got it last is meant.
const byAddressSql = `
  SELECT ${knownSystemColumns} FROM systems s WHERE s.address = $1::inet ORDER BY s.address_stamp DESC LIMIT 1`
const byNameSql = `SELECT ${knownSystemColumns} FROM systems s WHERE s.name = $1`
const subnetSql = "SELECT cidr::text FROM subnets WHERE cidr::text = $1 OR name = $1"

const decodeMac = Schema.decodeUnknownOption(Mac)
const decodeAddress = Schema.decodeUnknownOption(Ipv4)
const isName = (key: string) => /^[a-z0-9-]{1,63}$/u.test(key)

export class Systems extends Context.Service<Systems, {
  /** @param key MAC, address held now, or name */
  find(key: string): Effect.Effect<KnownSystem, ApiError>
  /** In the order of their MACs, those after `after`. */
  list(
    filter: SystemFilter,
    page: { readonly after: string | undefined; readonly size: number }
  ): Effect.Effect<ReadonlyArray<KnownSystem>>
  /** The filter with its subnet as a CIDR; fails where there is no such subnet. */
  resolve(filter: SystemFilter): Effect.Effect<SystemFilter, ApiError>
}>()("registry/systems/Systems") {
  static readonly layer = Layer.effect(
    Systems,
    Effect.gen(function*() {
      const postgres = yield* Postgres

      const rowsOf = (key: string): Effect.Effect<ReadonlyArray<KnownSystem>, PostgresError> => {
        const mac = decodeMac(key)
        if (Option.isSome(mac)) return postgres.query<KnownSystem>(byMacSql, [mac.value], "system-by-mac")
        const address = decodeAddress(key)
        if (Option.isSome(address)) return postgres.query<KnownSystem>(byAddressSql, [key], "system-by-address")
        const name = key.toLowerCase()
        return isName(name)
          ? postgres.query<KnownSystem>(byNameSql, [name], "system-by-name")
          : Effect.succeed([])
      }

      return Systems.of({
        find: Effect.fn("Systems.find")(function*(key: string) {
          if (key === "") return yield* ApiError.invalid("key", "a MAC, an address or a name", key)
          const [system] = yield* Effect.orDie(rowsOf(key))
          if (system === undefined) {
            return yield* ApiError.refuse("not-found", "no system has this MAC, address or name", "key")
          }
          return system
        }),
        list: Effect.fn("Systems.list")(function*(filter, { after, size }) {
          const condition = conditionOf(filter, 2)
          return yield* Effect.orDie(postgres.query<KnownSystem>(
            `SELECT ${knownSystemColumns} FROM systems s
             WHERE ($1::macaddr IS NULL OR s.mac > $1::macaddr) AND ${condition.sql} ORDER BY s.mac LIMIT $2`,
            [after ?? null, size, ...condition.values]
          ))
        }),
        resolve: Effect.fn("Systems.resolve")(function*(filter) {
          if (filter.subnet === undefined) return filter
          const [subnet] = yield* Effect.orDie(postgres.query<{ cidr: string }>(subnetSql, [filter.subnet]))
          if (subnet === undefined) {
            return yield* ApiError.refuse("not-found", "no subnet has this CIDR or name", "filter.subnet")
          }
          return { ...filter, subnet: subnet.cidr }
        })
      })
    })
  )
}
