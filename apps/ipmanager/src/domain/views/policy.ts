/** A naming policy as it is shown, and what another one would change. */
import type { NameDifference, NamingPolicy } from "@leasehold/registry-api"
import type { Column } from "../output/Column.ts"
import { conflictWord, nameSourceWord } from "../words.ts"
import { orNone } from "./orNone.ts"

export const policyColumns: ReadonlyArray<Column<NamingPolicy>> = [
  { key: "subnet", value: ({ subnet }) => orNone(subnet) ?? "default" },
  { key: "pattern", value: ({ pattern }) => pattern },
  { key: "conflict", value: ({ conflict }) => conflictWord(conflict) },
  { key: "client_names", value: ({ clientNames }) => clientNames },
  { key: "domain", value: ({ domain }) => orNone(domain) },
  { key: "forbidden", value: ({ forbidden }) => forbidden },
  { key: "revision", value: ({ revision }) => revision, detail: true },
  { key: "updated_at", value: ({ updatedAt }) => updatedAt, detail: true }
]

export const nameDifferenceColumns: ReadonlyArray<Column<NameDifference>> = [
  { key: "mac", value: ({ mac }) => mac },
  { key: "address", value: ({ address }) => orNone(address) },
  { key: "before", value: ({ before }) => orNone(before) },
  { key: "after", value: ({ after }) => orNone(after) },
  { key: "source", value: ({ afterSource }) => nameSourceWord(afterSource) }
]
