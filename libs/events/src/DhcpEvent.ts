/**
 * One DHCP event on the bus: what a message's body must hold, by kind, and the whole event with what its subject and
 * the stream say about it.
 *
 * The bodies are small enough to write by hand. Unknown fields are ignored, so that an older reader understands a newer
 * writer; a missing or malformed field is a `Rejection` that names it.
 */
import { Schema } from "effect"
import { EventId } from "./EventId.ts"
import { EventKind } from "./EventKind.ts"
import { ClientName } from "./scalars/Hostname.ts"
import { type IpAddress, Ipv4, Ipv6 } from "./scalars/IpAddress.ts"
import { HardwareAddress, Mac } from "./scalars/Mac.ts"
import { ServerId } from "./scalars/ServerId.ts"
import { Text } from "./scalars/Text.ts"
import { Timestamp } from "./scalars/Timestamp.ts"

/** Where an event was read: enough to find the raw line again. */
export const Provenance = Schema.Struct({
  source: Schema.Literals(["log-file", "syslog", "journal", "dbus", "dhcp-script", "lease-file", "stdin"]).annotate({
    description: "Kind of source"
  }),
  path: Schema.optionalKey(Text.annotate({ description: "File, or name of the journal or socket" })),
  position: Schema.optionalKey(
    Schema.Union([Schema.Int, Text]).annotate({ description: "Byte offset of the line in its file, or cursor" })
  ),
  line: Schema.optionalKey(Text.annotate({ description: "The raw line, control characters replaced" })),
  pid: Schema.optionalKey(Schema.Int.annotate({ description: "Process id of dnsmasq" }))
}).annotate({ description: "Where the event was read" })
export type Provenance = typeof Provenance.Type

const Count = Schema.Int.check(
  Schema.isBetween({ minimum: 0, maximum: 4_294_967_295 }, { expected: "a whole number from 0 to 4294967295" })
)
const Interface = Schema.String.check(
  Schema.isPattern(/^[^\s\p{C}/]{1,64}$/u, { expected: "an interface name of 1 to 64 characters" })
).annotate({ description: "Interface of the DHCP server" })

/** Says what was expected where a required field is missing. */
const required = <S extends Schema.Top>(schema: S, expected: string) =>
  schema.pipe(Schema.annotateKey({ messageMissingKey: expected }))

// What the subject and the stream know better; a body may repeat it.
const envelope = {
  server: Schema.optionalKey(ServerId),
  kind: Schema.optionalKey(EventKind),
  id: Schema.optionalKey(EventId),
  at: Schema.optionalKey(Timestamp.annotate({ description: "When it happened; the stream's clock where absent" }))
}

const observed = {
  interface: Schema.optionalKey(Interface),
  xid: Schema.optionalKey(Count.annotate({ description: "Transaction id" })),
  clientName: Schema.optionalKey(
    ClientName.annotate({ description: "Name that the client provided, before dnsmasq chose one" })
  ),
  clientId: Schema.optionalKey(Text.annotate({ description: "Client identifier (option 61) in hexadecimal" })),
  vendorClass: Schema.optionalKey(Text.annotate({ description: "Vendor class (option 60)" })),
  userClass: Schema.optionalKey(Text.annotate({ description: "User class (option 77)" })),
  requestedOptions: Schema.optionalKey(
    Schema.Array(Count).check(Schema.isMaxLength(255)).annotate({ description: "Requested options (option 55)" })
  ),
  tags: Schema.optionalKey(
    Schema.Array(Text).check(Schema.isMaxLength(64)).annotate({ description: "dnsmasq's tags" })
  ),
  reason: Schema.optionalKey(Text.annotate({ description: "What dnsmasq or the client gave as reason" })),
  provenance: Schema.optionalKey(Provenance)
}

const expectedMac = "a MAC address of six octets such as 52:54:00:12:34:56"
const expectedIp = "an IPv4 address such as 10.0.0.7"

const identified = { mac: required(Mac, expectedMac), ...envelope, ...observed }
/** A client without a six-octet address is on the bus too, under `hardwareAddress`; the registry keeps no system for it. */
const other = { hardwareAddress: HardwareAddress, ...envelope, ...observed }

const named = { hostname: Schema.optionalKey(ClientName.annotate({ description: "Name in the line" })) }
const optionalIp = { ip: Schema.optionalKey(Ipv4) }
const requiredIp = { ip: required(Ipv4, expectedIp) }
const expiry = {
  expiresAt: Schema.optionalKey(
    Timestamp.annotate({ description: "End of the lease; absent when it is infinite or unknown" })
  )
}
const answersInform = {
  inform: Schema.optionalKey(
    Schema.Boolean.annotate({
      description: "The ACK answers an INFORM: the address is the client's claim, not a lease"
    })
  )
}

const Unaddressed = Schema.Struct({ ...identified, ...named, ...optionalIp })
const Addressed = Schema.Struct({ ...identified, ...named, ...requiredIp })
const Ack = Schema.Struct({ ...identified, ...named, ...requiredIp, ...expiry, ...answersInform })
const Lease = Schema.Struct({
  ...identified,
  ...named,
  ip: required(Schema.Union([Ipv4, Ipv6]), "an IPv4 or IPv6 address"),
  ...expiry
})
const V6 = Schema.Struct({
  duid: required(
    Schema.String.check(
      Schema.isPattern(/^[0-9a-f]{2}(:[0-9a-f]{2}){0,129}$/u, {
        expected: "a DUID of lower-case octets joined by colons"
      })
    ).annotate({ description: "DUID of the client (RFC 8415 §11); dnsmasq logs at most 100 octets" }),
    "a DUID of lower-case octets joined by colons"
  ),
  mac: Schema.optionalKey(Mac),
  ip: Schema.optionalKey(Ipv6),
  ...named,
  ...envelope,
  ...observed,
  ...expiry
})
const Gap = Schema.Struct({
  reason: required(Text, "why events are known to be lost"),
  lost: Schema.optionalKey(Count.annotate({ description: "How many log entries, where known" })),
  from: Schema.optionalKey(Timestamp.annotate({ description: "Last moment known to be complete" })),
  ...envelope,
  provenance: Schema.optionalKey(Provenance)
})

/** The body of a message, by the kind in its subject. */
export const bodies = {
  discover: Unaddressed,
  offer: Addressed,
  request: Addressed,
  ack: Ack,
  nak: Addressed,
  decline: Addressed,
  release: Addressed,
  inform: Unaddressed,
  pxe: Unaddressed,
  "v6-solicit": V6,
  "v6-advertise": V6,
  "v6-request": V6,
  "v6-confirm": V6,
  "v6-renew": V6,
  "v6-rebind": V6,
  "v6-reply": V6,
  "v6-release": V6,
  "v6-decline": V6,
  "v6-information-request": V6,
  lease: Lease,
  expire: Lease,
  gap: Gap
} as const satisfies Record<EventKind, Schema.Top>

/** The body of a v4 message whose client has no six-octet address. */
export const OtherHardware = Schema.Struct({
  ...other,
  ...named,
  ip: Schema.optionalKey(Schema.Union([Ipv4, Ipv6])),
  ...expiry,
  ...answersInform
})

/** A whole event: its body with what its subject (`server`, `kind`) and the stream (`id`, `at`) say. */
export interface DhcpEvent {
  readonly server: ServerId
  readonly kind: EventKind
  readonly id: EventId
  readonly at: Timestamp
  /** Absent for clients without a six-octet address, most DHCPv6 messages, and gaps. */
  readonly mac?: Mac
  readonly hardwareAddress?: HardwareAddress
  readonly duid?: string
  readonly ip?: IpAddress
  readonly hostname?: ClientName
  readonly interface?: string
  readonly xid?: number
  readonly clientName?: ClientName
  readonly clientId?: Text
  readonly vendorClass?: Text
  readonly userClass?: Text
  readonly requestedOptions?: ReadonlyArray<number>
  readonly tags?: ReadonlyArray<Text>
  readonly reason?: Text
  readonly inform?: boolean
  readonly expiresAt?: Timestamp
  readonly lost?: number
  readonly from?: Timestamp
  readonly provenance?: Provenance
}

/** The body to publish: everything but what the subject says. */
export const encodeBody = ({ kind: _kind, server: _server, ...body }: DhcpEvent): string => JSON.stringify(body)
