/** Reservations that are in the way of something: who to name in an error. */
import type { Ipv4, Mac } from "@leasehold/events"

export interface Described {
  readonly id: string
  readonly macs: ReadonlyArray<Mac>
  readonly address: Ipv4 | null
  readonly name: string | null
}

/** @param condition on `r`, a row of the reservation or of one of its further MACs */
export const groupsSql = (condition: string) => `
  SELECT p.id::text, p.macs, host(p.address) AS address, p.name
  FROM (
    SELECT m.id, m.address, m.name,
      ARRAY(SELECT k.mac::text FROM reservations k WHERE k.id = m.id OR k.also_of = m.id ORDER BY k.also_of NULLS FIRST, k.mac) AS macs
    FROM reservations m WHERE m.id IN (SELECT coalesce(r.also_of, r.id) FROM reservations r WHERE ${condition})
  ) AS p
  ORDER BY p.id LIMIT 5`
