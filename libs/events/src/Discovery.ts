/**
 * Discovery facts: what the registry and the renderers made of the events, in the past tense.
 *
 * Each is self-contained: a dashboard needs no other query. The subject is
 * `discovery.v1.<entity>.<verb>.<mac or id>`; a fact comes once for each change, in the order of the commits.
 */
import { Schema } from "effect"
import { ClientName, Hostname } from "./scalars/Hostname.ts"
import { Ipv4, Ipv6 } from "./scalars/IpAddress.ts"
import { Mac } from "./scalars/Mac.ts"
import { ServerId } from "./scalars/ServerId.ts"
import { Text } from "./scalars/Text.ts"
import { Timestamp } from "./scalars/Timestamp.ts"

const Address = Schema.Union([Ipv4, Ipv6])
const Generation = Schema.Int.annotate({ description: "Generation of the server's file" })

export const NameSource = Schema.Literals(["administrator", "reservation", "client", "generated"]).annotate({
  description: "Where a system's name comes from, highest authority first"
})
export type NameSource = typeof NameSource.Type

export const ReservationSource = Schema.Literals(["administrator", "auto", "import"])
export type ReservationSource = typeof ReservationSource.Type

const at = Schema.Struct({ at: Timestamp }).fields.at

const System = {
  mac: Mac,
  name: Hostname,
  nameSource: NameSource,
  address: Schema.NullOr(Address).annotate({ description: "Address that it holds now" }),
  server: Schema.NullOr(ServerId).annotate({ description: "Server that said so last" }),
  at
}

export const SystemDiscovered = Schema.Struct({
  type: Schema.Literal("system.discovered"),
  ...System,
  randomised: Schema.Boolean.annotate({
    description: "The MAC is locally administered: most likely made up by its device"
  }),
  clientName: Schema.NullOr(ClientName),
  vendorClass: Schema.NullOr(Text)
}).annotate({ description: "A MAC was seen for the first time" })

export const SystemAddressChanged = Schema.Struct({
  type: Schema.Literal("system.address-changed"),
  ...System,
  previous: Schema.NullOr(Address)
}).annotate({ description: "A system got another address, or holds none any more" })

export const SystemRenamed = Schema.Struct({
  type: Schema.Literal("system.renamed"),
  ...System,
  previous: Hostname
}).annotate({ description: "A system has another name" })

export const SystemNameConflict = Schema.Struct({
  type: Schema.Literal("system.name-conflict"),
  ...System,
  wanted: Hostname.annotate({ description: "The name that it would have had" }),
  holder: Mac.annotate({ description: "Who holds that name" })
}).annotate({
  description: "A system could not have the name it asked for; told once for each name, however many want it"
})

export const SystemState = Schema.Literals(["known", "ignored", "blocked"]).annotate({
  description: "ignored: nothing is reserved for it automatically; blocked: no server answers it"
})
export type SystemState = typeof SystemState.Type

export const SystemStateChanged = Schema.Struct({
  type: Schema.Literal("system.state-changed"),
  ...System,
  state: SystemState,
  previous: SystemState
}).annotate({ description: "An administrator decided what a system may" })

const Reservation = {
  id: Schema.String,
  mac: Mac,
  address: Schema.NullOr(Ipv4).annotate({ description: "None where only a name is reserved" }),
  name: Schema.NullOr(Hostname).annotate({ description: "None where the MAC is to be ignored" }),
  subnet: Schema.String.annotate({ description: "CIDR of its subnet" }),
  servers: Schema.Array(ServerId),
  source: ReservationSource,
  enabled: Schema.Boolean,
  ignore: Schema.Boolean.annotate({ description: "dnsmasq does not answer the MAC in the subnet" }),
  at
}
const Previous = Schema.Struct({
  mac: Mac,
  address: Schema.NullOr(Ipv4),
  name: Schema.NullOr(Hostname),
  enabled: Schema.Boolean,
  ignore: Schema.Boolean
})

export const ReservationCreated = Schema.Struct({ type: Schema.Literal("reservation.created"), ...Reservation })
  .annotate({ description: "A MAC will get an address and a name" })
export const ReservationChanged = Schema.Struct({
  type: Schema.Literal("reservation.changed"),
  ...Reservation,
  previous: Previous
})
  .annotate({ description: "A reservation says something else now" })
export const ReservationRemoved = Schema.Struct({ type: Schema.Literal("reservation.removed"), ...Reservation })
  .annotate({ description: "A reservation ended" })

export const ServerApplied = Schema.Struct({
  type: Schema.Literal("server.applied"),
  server: ServerId,
  generation: Generation,
  hash: Schema.String.annotate({ description: "SHA-256 of the file" }),
  reservations: Schema.Int,
  at
}).annotate({ description: "A dnsmasq uses this generation of its file" })

export const ServerFailed = Schema.Struct({
  type: Schema.Literal("server.failed"),
  server: ServerId,
  generation: Generation,
  error: Text,
  at
}).annotate({ description: "A generation could not be put to use; dnsmasq has the one before" })

export const IngestGap = Schema.Struct({
  type: Schema.Literal("ingest.gap"),
  server: ServerId,
  reason: Text,
  lost: Schema.NullOr(Schema.Int),
  from: Schema.NullOr(Timestamp),
  at
}).annotate({ description: "A stretch of events is known to be lost" })

export const discoveryFacts = [
  SystemDiscovered,
  SystemAddressChanged,
  SystemRenamed,
  SystemNameConflict,
  SystemStateChanged,
  ReservationCreated,
  ReservationChanged,
  ReservationRemoved,
  ServerApplied,
  ServerFailed,
  IngestGap
] as const
export const DiscoveryFact = Schema.Union(discoveryFacts)
export type DiscoveryFact = typeof DiscoveryFact.Type

/** `discovery.v1.<entity>.<verb>.<mac or id>` */
export const discoverySubject = (fact: DiscoveryFact): string => {
  const subject = `discovery.v1.${fact.type}`
  if ("mac" in fact && !("id" in fact)) return `${subject}.${fact.mac}`
  return "id" in fact ? `${subject}.${fact.id}` : `${subject}.${fact.server}`
}
