/** A reservation as it is shown. */
import type { Reservation } from "@leasehold/registry-api"
import type { Column } from "../output/Column.ts"
import { formatSpan } from "../time.ts"
import { sourceWord } from "../words.ts"
import { orNone } from "./orNone.ts"

const leaseText = ({ leaseInfinite, leaseTime }: Reservation): string | undefined =>
  leaseInfinite ? "infinite" : leaseTime === undefined ? undefined : formatSpan(leaseTime)

export const reservationColumns: ReadonlyArray<Column<Reservation>> = [
  {
    key: "address",
    keep: true,
    value: ({ address }) => orNone(address),
    instead: ({ ignore }) => (ignore ? "ignored" : "name only")
  },
  { key: "name", keep: true, value: ({ ignore, name }) => (ignore ? undefined : orNone(name)) },
  { key: "macs", keep: true, value: ({ macs }) => macs },
  { key: "subnet", value: ({ subnet }) => orNone(subnet) },
  { key: "domain", value: ({ domain }) => orNone(domain), detail: true },
  { key: "lease_time", value: leaseText },
  { key: "source", value: ({ source }) => sourceWord(source) },
  { key: "enabled", value: ({ enabled }) => enabled, colour: ({ enabled }) => (enabled ? undefined : "dim") },
  { key: "ignore", value: ({ ignore }) => ignore, detail: true },
  { key: "comment", value: ({ comment }) => orNone(comment) },
  { key: "servers", value: ({ servers }) => servers, detail: true },
  { key: "id", value: ({ id }) => (id === 0n ? undefined : id), detail: true },
  { key: "created_at", value: ({ createdAt }) => createdAt, detail: true },
  { key: "updated_at", value: ({ updatedAt }) => updatedAt, detail: true }
]

/** What a person calls it: `10.0.0.7 nas`. */
export const reservationLabel = ({ address, ignore, macs, name }: Reservation): string =>
  [address, ignore ? "ignored" : name, macs.join(",")].filter((part) => part !== "").slice(0, 2).join(" ")
