/** A system as it is told to those who ask. */
import type { NameSource, SystemState } from "@leasehold/events"

export interface KnownSystem {
  readonly mac: string
  readonly name: string
  readonly nameSource: NameSource
  readonly state: SystemState
  readonly firstSeen: string
  readonly lastSeen: string
  /** The address that it holds now. */
  readonly address: string | null
  /** CIDR of the subnet of that address. */
  readonly subnet: string | null
  readonly server: string
  readonly interface: string | null
  readonly clientName: string | null
  readonly vendorClass: string | null
  readonly userClass: string | null
  readonly vendor: string | null
  readonly reserved: ReadonlyArray<string>
}

/** Of `systems s`. */
export const knownSystemColumns = `
  s.mac::text, s.name, s.name_source AS "nameSource", s.state, iso_timestamp(s.first_seen) AS "firstSeen",
  iso_timestamp(s.last_seen) AS "lastSeen", host(s.address) AS address,
  (SELECT n.cidr::text FROM subnets n WHERE n.cidr >>= s.address) AS subnet, s.server, s.interface,
  s.client_name AS "clientName", s.vendor_class AS "vendorClass", s.user_class AS "userClass", s.vendor,
  ARRAY(SELECT host(r) FROM unnest(s.reserved) AS r) AS reserved`
