/**
 * Names of systems: `Hostname` is what we give (one RFC 1123 label), `ClientName` what a client calls itself.
 *
 * A client's name may be anything up to 253 characters of letters, digits, `-`, `_` and dots; it becomes a `Hostname`
 * only through the registry's naming policy.
 */
import { Schema } from "effect"

export const Hostname = Schema.String.check(
  Schema.isPattern(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/u, {
    expected: "a host name of 1 to 63 lower-case letters, digits and inner dashes"
  })
).annotate({ description: "RFC 1123 label, lower case" }).pipe(Schema.brand("Hostname"))
export type Hostname = typeof Hostname.Type

export const ClientName = Schema.String.check(
  Schema.isPattern(/^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_.-]{0,252}$/u, {
    expected: "a name of 1 to 253 letters, digits, dashes, underscores and dots"
  })
).annotate({ description: "Name that the client gave itself (DHCP option 12 or 81)" })
export type ClientName = typeof ClientName.Type
