/** A naming policy as it is shown, and what another one would change. */
import type { NameDifference, NamingPolicy } from "@leasehold/registry-api"
import type { Column } from "../output/Column.ts"
import { conflictWord, nameSourceWord } from "../words.ts"
import { orNone } from "./orNone.ts"

export const policyColumns: ReadonlyArray<Column<NamingPolicy>> = [
  { key: "subnet", keep: true, value: ({ subnet }) => orNone(subnet) ?? "default" },
  { key: "pattern", keep: true, value: ({ pattern }) => pattern },
  { key: "conflict", value: ({ conflict }) => conflictWord(conflict) },
  { key: "client_names", value: ({ clientNames }) => clientNames },
  { key: "domain", value: ({ domain }) => orNone(domain) },
  { key: "forbidden", value: ({ forbidden }) => forbidden },
  { key: "revision", value: ({ revision }) => revision, detail: true },
  { key: "updated_at", value: ({ updatedAt }) => updatedAt, detail: true }
]

export const nameDifferenceColumns: ReadonlyArray<Column<NameDifference>> = [
  { key: "mac", keep: true, value: ({ mac }) => mac },
  { key: "address", value: ({ address }) => orNone(address) },
  { key: "before", keep: true, value: ({ before }) => orNone(before) },
  { key: "after", keep: true, value: ({ after }) => orNone(after) },
  { key: "source", value: ({ afterSource }) => nameSourceWord(afterSource) }
]
