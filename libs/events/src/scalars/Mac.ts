/**
 * A six-octet hardware address, the identity of a system.
 *
 * Upper case and dashes are understood; the value is always lower case with colons, as dnsmasq logs it.
 */
import { Schema, SchemaTransformation } from "effect"

export const Mac = Schema.String.check(
  Schema.isPattern(/^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$|^[0-9A-Fa-f]{2}(-[0-9A-Fa-f]{2}){5}$/u, {
    expected: "a MAC address of six octets such as 52:54:00:12:34:56"
  })
).annotate({ description: "MAC address, six octets; colons or dashes, any case" }).pipe(
  Schema.decodeTo(
    Schema.String.check(Schema.isPattern(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/u)).pipe(Schema.brand("Mac")),
    SchemaTransformation.transform({
      decode: (text) => text.toLowerCase().replaceAll("-", ":"),
      encode: (mac) => mac
    })
  )
)
export type Mac = typeof Mac.Type

/** Whether the address was made up by its device (the locally administered bit of IEEE 802): most likely randomised. */
export const isLocallyAdministered = (mac: Mac): boolean => (Number.parseInt(mac.slice(0, 2), 16) & 0x02) !== 0

/** `chaddr` of any length as dnsmasq logs it: 1 to 255 octets, or `<null>` when the client sent none (RFC 2131 §2, RFC 4390). */
export const HardwareAddress = Schema.String.check(
  Schema.isPattern(/^(<null>|[0-9a-f]{2}(:[0-9a-f]{2}){0,254})$/u, {
    expected: "a hardware address of lower-case octets joined by colons, or <null>"
  })
).annotate({ description: "Hardware address that is not six octets long (Infiniband, EUI-64, none at all)" })
export type HardwareAddress = typeof HardwareAddress.Type
