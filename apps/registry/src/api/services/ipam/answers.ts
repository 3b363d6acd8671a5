/** Subnets, reservations, changes and findings as messages. */
import type { MessageInitShape } from "@bufbuild/protobuf"
import {
  type ChangeSchema,
  type FindingSchema,
  FindingSeverity,
  type ReservationSchema,
  ReservationSource as SourceMessage,
  SubnetPolicy,
  type SubnetSchema
} from "@leasehold/registry-api"
import type { Change } from "../../../administration/Changes/rows.ts"
import { type LeaseTime, longestLease } from "../../../ipam/fields.ts"
import type { Reservation, ReservationSource, Subnet } from "../../../ipam/model.ts"
import type { Finding, Severity } from "../../../ipam/Review.ts"
import { toTimestamp } from "../../messages.ts"

const duration = (seconds: number) => ({ seconds: BigInt(Math.trunc(seconds)) })

/** A message says for ever where there is no field for it: by more than dnsmasq can count. */
const leaseSeconds = (leaseTime: LeaseTime) => duration(leaseTime === "infinite" ? longestLease + 1 : leaseTime)

export const subnetMessage = (subnet: Subnet): MessageInitShape<typeof SubnetSchema> => ({
  id: BigInt(subnet.id),
  cidr: subnet.cidr,
  name: subnet.name,
  policy: subnet.policy === "auto" ? SubnetPolicy.AUTO : SubnetPolicy.MANUAL,
  ...(subnet.range === undefined ? {} : { range: subnet.range }),
  gateway: subnet.gateway ?? "",
  dnsServers: [...subnet.dnsServers],
  domain: subnet.domain,
  ...(subnet.leaseTime === undefined ? {} : { leaseTime: leaseSeconds(subnet.leaseTime) }),
  servers: [...subnet.servers],
  excluded: subnet.excluded.map(({ first, last }) => ({ first, last })),
  reserveRandomised: subnet.reserveRandomised,
  autoKeep: duration(subnet.autoKeep),
  autoShare: subnet.autoShare,
  comment: subnet.comment,
  utilisation: {
    addresses: BigInt(subnet.utilisation.addresses),
    reserved: BigInt(subnet.utilisation.reserved),
    automatic: BigInt(subnet.utilisation.automatic),
    leased: BigInt(subnet.utilisation.leased),
    free: BigInt(subnet.utilisation.free)
  }
})

const sources = {
  administrator: SourceMessage.ADMINISTRATOR,
  auto: SourceMessage.AUTO,
  import: SourceMessage.IMPORT
} as const satisfies Record<ReservationSource, SourceMessage>

/** The source that a message means; undefined where it is none. */
export const sourceOf = (wanted: number): ReservationSource | undefined =>
  (["administrator", "auto", "import"] as const).find((source) => sources[source] === wanted)

export const reservationMessage = (reservation: Reservation): MessageInitShape<typeof ReservationSchema> => ({
  id: BigInt(reservation.id),
  macs: [...reservation.macs],
  address: reservation.address ?? "",
  name: reservation.name ?? "",
  subnet: reservation.subnet,
  domain: reservation.domain,
  ...(typeof reservation.leaseTime === "number" ? { leaseTime: duration(reservation.leaseTime) } : {}),
  leaseInfinite: reservation.leaseTime === "infinite",
  enabled: reservation.enabled,
  ignore: reservation.ignore,
  source: sources[reservation.source],
  comment: reservation.comment,
  ...(reservation.createdAt === "" ? {} : { createdAt: toTimestamp(reservation.createdAt) }),
  ...(reservation.updatedAt === "" ? {} : { updatedAt: toTimestamp(reservation.updatedAt) }),
  servers: [...reservation.servers]
})

export const changeMessage = (change: Change): MessageInitShape<typeof ChangeSchema> => ({
  id: BigInt(change.id),
  at: toTimestamp(change.at),
  actor: change.actor,
  action: change.action,
  rows: change.rows.map(({ after, before, entity, label }) => ({
    entity,
    label,
    before: before ?? "",
    after: after ?? ""
  })),
  rowCount: BigInt(change.row_count),
  undoes: BigInt(change.undoes ?? 0),
  undoneBy: BigInt(change.undone_by ?? 0)
})

const severities = {
  note: FindingSeverity.NOTE,
  warning: FindingSeverity.WARNING,
  error: FindingSeverity.ERROR
} as const satisfies Record<Severity, FindingSeverity>

export const findingMessage = ({ severity, ...finding }: Finding): MessageInitShape<typeof FindingSchema> => ({
  ...finding,
  severity: severities[severity]
})
