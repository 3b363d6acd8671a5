/** Who held which address when, and which server said so. */
import type { Ipv4, Mac } from "@leasehold/events"
import { Postgres } from "@leasehold/runtime"
import { Context, Effect, Layer } from "effect"

export interface AddressHolding {
  readonly mac: string
  readonly address: string
  readonly server: string
  readonly since: string
  readonly until: string | null
  /** The name that the system has now. */
  readonly name: string | null
}

export interface HistoryQuestion {
  readonly of: { readonly mac: Mac } | { readonly address: Ipv4 }
  /** Only who had it then. */
  readonly at: string | undefined
}

const listSql = (column: "mac" | "address") => `
  SELECT h.mac::text, host(h.address) AS address, h.server, iso_timestamp(lower(h.during)) AS since,
    iso_timestamp(upper(h.during)) AS until, s.name
  FROM address_history h LEFT JOIN systems s ON s.mac = h.mac
  WHERE h.${column} = $1::${
  column === "mac" ? "macaddr" : "inet"
} AND ($2::timestamptz IS NULL OR h.during @> $2::timestamptz)
    AND ($3::timestamptz IS NULL OR (lower(h.during), h.server, h.address) < ($3::timestamptz, $4::text, $5::inet))
  ORDER BY lower(h.during) DESC, h.server DESC, h.address DESC LIMIT $6`

export class AddressHistory extends Context.Service<AddressHistory, {
  /** The latest first, those after `after` (time, server, address). */
  list(
    question: HistoryQuestion,
    page: { readonly after: ReadonlyArray<string> | undefined; readonly size: number }
  ): Effect.Effect<ReadonlyArray<AddressHolding>>
}>()("registry/systems/AddressHistory") {
  static readonly layer = Layer.effect(
    AddressHistory,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      return AddressHistory.of({
        list: Effect.fn("AddressHistory.list")(function*({ at, of }, { after, size }) {
          const [since = null, server = null, address = null] = after ?? []
          return yield* Effect.orDie(postgres.query<AddressHolding>(
            listSql("mac" in of ? "mac" : "address"),
            ["mac" in of ? of.mac : of.address, at ?? null, since, server, address, size]
          ))
        })
      })
    })
  )
}
