/** An item of an import as the API takes it. */
import { ReservationSource } from "@leasehold/registry-api"
import type { ImportItem } from "./ImportItem.ts"

export const toReservation = (
  { address, automatic, comment, disabled, ignore, leaseTime, macs, name, subnet }: ImportItem
) => ({
  macs: [...macs],
  address: address ?? "",
  name: name ?? "",
  subnet: subnet ?? "",
  comment: comment ?? "",
  enabled: disabled !== true,
  ignore: ignore === true,
  ...(automatic === true ? { source: ReservationSource.AUTO } : {}),
  ...(leaseTime === "infinite" ? { leaseInfinite: true } : {}),
  ...(leaseTime === undefined || leaseTime === "infinite"
    ? {}
    : { leaseTime: { seconds: BigInt(leaseTime.seconds), nanos: 0 } })
})
