/** Who is in the way of taking a change back: asked after the database refused it, by the values that it names. */
import type { Client, PostgresError } from "@leasehold/runtime"
import { Effect } from "effect"
import pg from "pg"
import { describe } from "../../ipam/model.ts"
import { type Described, groupsSql } from "../../ipam/Reservations/holders.ts"

interface Place {
  /** The existing key of the constraint, in the order of its columns. */
  readonly holderSql: string
  readonly holderOf: (key: ReadonlyArray<string>) => ReadonlyArray<string | undefined>
  readonly what: (key: ReadonlyArray<string>) => string
}

const places: Readonly<Record<string, Place>> = {
  reservations_address_key: {
    holderSql: groupsSql("r.address = $1::inet"),
    holderOf: ([address]) => [address],
    what: ([address = ""]) => `${address} is reserved for`
  },
  reservations_subnet_mac_key: {
    holderSql: groupsSql("r.subnet_id = $1::bigint AND r.mac = $2::macaddr"),
    holderOf: ([subnet, mac]) => [subnet, mac],
    what: ([, mac = ""]) => `${mac} has a reservation in this subnet already:`
  },
  reservations_domain_name_excl: {
    holderSql: groupsSql("r.id = $1::bigint"),
    holderOf: (key) => [key[4]],
    what: ([, name = ""]) => `${name} is the name of`
  }
}

/** What follows the last `=` is the existing key, in every language that the server may speak. */
const keyIn = (detail: string): ReadonlyArray<string> => /.*=\(([^()]*)\)/su.exec(detail)?.[1]?.split(", ") ?? []

/** Undefined where it is no reservation, or one that is not there without the undoing. */
export const inTheWay = Effect.fnUntraced(function*(client: Client, { cause }: PostgresError) {
  if (!(cause instanceof pg.DatabaseError)) return undefined
  const place = places[cause.constraint ?? ""]
  const key = keyIn(cause.detail ?? "")
  if (place === undefined || key.length === 0) return undefined
  const [holder] = yield* client.query<Described>(place.holderSql, place.holderOf(key))
  return holder === undefined ? undefined : `${place.what(key)} ${describe(holder)}`
})
