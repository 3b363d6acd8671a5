/** A subnet as it is shown. */
import type { AddressRange, Subnet } from "@leasehold/registry-api"
import type { Column } from "../output/Column.ts"
import { formatSpan } from "../time.ts"
import { subnetPolicyWord } from "../words.ts"
import { orNone } from "./orNone.ts"

export const rangeText = ({ first, last }: AddressRange): string => (first === last ? first : `${first}-${last}`)

/** The share of the addresses that hosts can have which are neither free nor excluded. */
const fullness = ({ utilisation }: Subnet): number | undefined =>
  utilisation === undefined || utilisation.addresses === 0n
    ? undefined
    : 1 - Number(utilisation.free) / Number(utilisation.addresses)

export const subnetColumns: ReadonlyArray<Column<Subnet>> = [
  { key: "cidr", keep: true, value: ({ cidr }) => cidr },
  { key: "name", keep: true, value: ({ name }) => name },
  { key: "policy", value: ({ policy }) => subnetPolicyWord(policy) },
  { key: "addresses", value: ({ utilisation }) => utilisation?.addresses, detail: true },
  { key: "reserved", value: ({ utilisation }) => utilisation?.reserved },
  { key: "automatic", value: ({ utilisation }) => utilisation?.automatic, detail: true },
  { key: "leased", value: ({ utilisation }) => utilisation?.leased },
  {
    key: "free",
    value: ({ utilisation }) => utilisation?.free,
    colour: (subnet) => {
      const full = fullness(subnet) ?? 0
      return full >= 0.95 ? "red" : full >= 0.8 ? "yellow" : undefined
    }
  },
  { key: "range", value: ({ range }) => (range === undefined ? undefined : rangeText(range)) },
  { key: "servers", value: ({ servers }) => servers },
  { key: "domain", value: ({ domain }) => orNone(domain) },
  { key: "gateway", value: ({ gateway }) => orNone(gateway), detail: true },
  { key: "dns_servers", value: ({ dnsServers }) => dnsServers, detail: true },
  {
    key: "lease_time",
    value: ({ leaseTime }) => (leaseTime === undefined ? undefined : formatSpan(leaseTime)),
    detail: true
  },
  { key: "excluded", value: ({ excluded }) => excluded.map(rangeText), detail: true },
  { key: "reserve_randomised", value: ({ reserveRandomised }) => reserveRandomised, detail: true },
  {
    key: "auto_keep",
    value: ({ autoKeep }) => (autoKeep === undefined ? undefined : formatSpan(autoKeep)),
    detail: true
  },
  // It is kept with the precision of a `real`.
  { key: "auto_share", value: ({ autoShare }) => Number(autoShare.toFixed(4)), detail: true },
  { key: "comment", value: ({ comment }) => orNone(comment), detail: true },
  { key: "id", value: ({ id }) => (id === 0n ? undefined : id), detail: true }
]
