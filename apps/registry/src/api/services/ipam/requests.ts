/** What requests say of subnets and reservations, as typed values. A field that is wrong is named; all of them are. */
import type { Duration, FieldMask } from "@bufbuild/protobuf/wkt"
import type { Ipv4 } from "@leasehold/events"
import {
  type AddressRange as RangeMessage,
  type Reservation,
  type ReservationFilter as FilterMessage,
  ReservationSourceSchema,
  type Subnet,
  SubnetPolicy,
  SubnetPolicySchema
} from "@leasehold/registry-api"
import { Effect, Result } from "effect"
import {
  invalid,
  type LeaseTime,
  longestLease,
  type Read,
  readAddress,
  readComment,
  readDomain,
  readInterfaceMac,
  readKeep,
  readLeaseTime,
  readMac,
  readName,
  readServer,
  together
} from "../../../ipam/fields.ts"
import type { AddressRange, ReservationSettings } from "../../../ipam/model.ts"
import type { ReservationFilter, ReservationPatch } from "../../../ipam/Reservations.ts"
import type { NewSubnet, SubnetPatch } from "../../../ipam/Subnets.ts"
import { ApiError } from "../../ApiError.ts"
import { enumName, enumNames } from "../../enumNames.ts"
import { sourceOf } from "./answers.ts"

/** MACs of one reservation. */
const mostMacs = 16

const all = <A>(reads: ReadonlyArray<Read<A>>): Read<ReadonlyArray<A>> =>
  Result.andThen(together(...reads), Result.all(reads))

const optional = <A>(text: string, read: (text: string) => Read<A>): Read<A | undefined> =>
  text === "" ? Result.succeed(undefined) : read(text)

const readMacs = (macs: ReadonlyArray<string>) =>
  Result.gen(function*() {
    const field = "reservation.macs"
    if (macs.length === 0 || macs.length > mostMacs) return yield* invalid(field, `1 to ${mostMacs} MACs`, macs)
    const read = yield* all(macs.map((mac) => readInterfaceMac(field, mac)))
    return new Set(read).size < read.length ? yield* invalid(field, "each MAC once", macs) : read
  })

const readLease = (
  { leaseInfinite, leaseTime }: { readonly leaseTime?: Duration | undefined; readonly leaseInfinite: boolean }
): Read<LeaseTime | undefined> => {
  const field = "reservation.lease_time"
  if (leaseTime === undefined) return Result.succeed(leaseInfinite ? "infinite" as const : undefined)
  return leaseInfinite ? invalid(field, "none where lease_infinite is set") : readLeaseTime(field, leaseTime)
}

const readPlace = (text: string): Read<Ipv4 | "next" | undefined> =>
  text === "next"
    ? Result.succeed("next" as const)
    : optional(text, (address) => readAddress("reservation.address", address))

/** The reservation that is to be made. */
export const readReservation = (message: Reservation, enabled: boolean): Read<ReservationSettings> =>
  Result.gen(function*() {
    const macs = readMacs(message.macs)
    const address = readPlace(message.address)
    const name = optional(message.name, (text) => readName("reservation.name", text))
    const lease = readLease(message)
    const comment = readComment("reservation.comment", message.comment)
    yield* together(macs, address, name, lease, comment, ...(message.ignore ? [readIgnore(message)] : []))
    return {
      macs: yield* macs,
      address: yield* address,
      subnet: message.subnet === "" ? undefined : message.subnet,
      name: yield* name,
      ignore: message.ignore,
      leaseTime: yield* lease,
      enabled,
      comment: yield* comment
    }
  })

/** An `ignore` entry is a MAC, and nothing that it would get. */
const readIgnore = ({ address, leaseInfinite, leaseTime, macs, name }: Reservation): Read<unknown> => {
  if (address !== "") return invalid("reservation.address", "none for an ignore entry", address)
  if (name !== "") return invalid("reservation.name", "none for an ignore entry", name)
  if (leaseInfinite || leaseTime !== undefined) return invalid("reservation.lease_time", "none for an ignore entry")
  return macs.length > 1
    ? invalid("reservation.macs", "one MAC for an ignore entry; make one for each", macs)
    : Result.succeed(undefined)
}

/** Reads what the mask names, field by field; the fields are as in the `.proto` file, or as in JSON. */
const masked = <P>(
  mask: FieldMask | undefined,
  fields: Readonly<Record<string, () => Read<P>>>
): Effect.Effect<ReadonlyArray<P>, ApiError> => {
  const paths = [
    ...new Set((mask?.paths ?? []).map((path) => path.replace(/[A-Z]/gu, (one) => `_${one.toLowerCase()}`)))
  ]
  const known = Object.keys(fields)
  const reads = paths.map((path) =>
    Object.hasOwn(fields, path) ? fields[path]?.() : invalid("update_mask", `fields of ${known.join(", ")}`, path)
  )
  return Effect.fromResult(
    paths.length === 0
      ? invalid("update_mask", `one or more of ${known.join(", ")}`)
      : all(reads.flatMap((read) => read ?? []))
  )
}

export const readReservationPatch = (message: Reservation | undefined, mask: FieldMask | undefined) =>
  Effect.gen(function*() {
    if (message === undefined) return yield* ApiError.invalid("reservation", "what is to be changed")
    const infinite = { leaseTime: "infinite" } as const
    const parts = yield* masked<ReservationPatch>(mask, {
      macs: () => Result.map(readMacs(message.macs), (macs) => ({ macs })),
      address: () =>
        Result.map(readPlace(message.address), (address) => ({
          address,
          ...(message.subnet === "" ? {} : { subnet: message.subnet })
        })),
      name: () =>
        Result.map(optional(message.name, (text) => readName("reservation.name", text)), (name) => ({ name })),
      lease_time: () =>
        Result.map(
          readLease(message),
          (leaseTime) => ({ leaseTime: leaseTime === "infinite" ? undefined : leaseTime })
        ),
      lease_infinite: () =>
        Result.map(readLease(message), () => message.leaseInfinite ? infinite : { notInfinite: true }),
      enabled: () => Result.succeed({ enabled: message.enabled }),
      comment: () => Result.map(readComment("reservation.comment", message.comment), (comment) => ({ comment }))
    })
    const patch: ReservationPatch = Object.assign({}, ...parts)
    return message.leaseInfinite && parts.includes(infinite) ? { ...patch, ...infinite } : patch
  })

const readRange = (field: string, { first, last }: RangeMessage) =>
  Result.gen(function*() {
    const [from, to] = [readAddress(field, first), readAddress(field, last === "" ? first : last)]
    yield* together(from, to)
    const range: AddressRange = { first: yield* from, last: yield* to }
    return range
  })

const policies: Readonly<Partial<Record<SubnetPolicy, "auto" | "manual">>> = {
  [SubnetPolicy.AUTO]: "auto",
  [SubnetPolicy.MANUAL]: "manual"
}

const subnetFields = (message: Subnet): Readonly<Record<string, () => Read<SubnetPatch>>> => ({
  cidr: () => Result.succeed({ cidr: message.cidr }),
  name: () => Result.succeed({ name: message.name }),
  policy: () => {
    const policy = policies[message.policy]
    return policy === undefined
      ? invalid("subnet.policy", enumNames(SubnetPolicySchema), enumName(SubnetPolicySchema, message.policy))
      : Result.succeed({ policy })
  },
  range: () =>
    message.range === undefined || (message.range.first === "" && message.range.last === "")
      ? Result.succeed({ range: undefined })
      : Result.map(readRange("subnet.range", message.range), (range) => ({ range })),
  gateway: () =>
    Result.map(optional(message.gateway, (text) => readAddress("subnet.gateway", text)), (gateway) => ({ gateway })),
  dns_servers: () =>
    Result.map(all(message.dnsServers.map((text) => readAddress("subnet.dns_servers", text))), (dnsServers) => ({
      dnsServers
    })),
  domain: () => Result.map(readDomain("subnet.domain", message.domain), (domain) => ({ domain })),
  lease_time: () =>
    message.leaseTime === undefined
      ? Result.succeed({ leaseTime: undefined })
      : message.leaseTime.seconds > BigInt(longestLease)
      ? Result.succeed({ leaseTime: "infinite" as const })
      : Result.map(readLeaseTime("subnet.lease_time", message.leaseTime), (leaseTime) => ({ leaseTime })),
  servers: () =>
    Result.map(all(message.servers.map((text) => readServer("subnet.servers", text))), (servers) => ({
      servers: [...new Set(servers)].toSorted()
    })),
  excluded: () =>
    Result.map(all(message.excluded.map((range) => readRange("subnet.excluded", range))), (excluded) => ({ excluded })),
  reserve_randomised: () => Result.succeed({ reserveRandomised: message.reserveRandomised }),
  auto_keep: () =>
    message.autoKeep === undefined
      ? invalid("subnet.auto_keep", "how long automatic reservations outlive their system")
      : Result.map(readKeep("subnet.auto_keep", message.autoKeep), (autoKeep) => ({ autoKeep })),
  auto_share: () => Result.succeed({ autoShare: message.autoShare }),
  comment: () => Result.map(readComment("subnet.comment", message.comment), (comment) => ({ comment }))
})

/** The subnet that is to be made: what is empty is left to the default. */
export const readSubnet = (message: Subnet | undefined): Effect.Effect<NewSubnet, ApiError> =>
  Effect.gen(function*() {
    if (message === undefined || message.cidr === "") {
      return yield* ApiError.invalid("subnet.cidr", "an IPv4 network such as 10.0.0.0/24", message?.cidr)
    }
    const said: Readonly<Record<string, boolean>> = {
      name: message.name !== "",
      policy: message.policy !== SubnetPolicy.UNSPECIFIED,
      range: message.range !== undefined,
      gateway: message.gateway !== "",
      dns_servers: message.dnsServers.length > 0,
      domain: message.domain !== "",
      lease_time: message.leaseTime !== undefined,
      servers: message.servers.length > 0,
      excluded: message.excluded.length > 0,
      reserve_randomised: message.reserveRandomised,
      auto_keep: message.autoKeep !== undefined,
      auto_share: message.autoShare !== 0,
      comment: message.comment !== ""
    }
    const fields = subnetFields(message)
    const parts = yield* Effect.fromResult(
      all(Object.keys(fields).flatMap((field) => said[field] === true ? fields[field]?.() ?? [] : []))
    )
    const patch: SubnetPatch = Object.assign({}, ...parts)
    return { ...patch, cidr: message.cidr }
  })

export const readSubnetPatch = (message: Subnet | undefined, mask: FieldMask | undefined) =>
  Effect.gen(function*() {
    if (message === undefined) return yield* ApiError.invalid("subnet", "what is to be changed")
    const patch: SubnetPatch = Object.assign({}, ...(yield* masked(mask, subnetFields(message))))
    return patch
  })

export const readFilter = (filter: FilterMessage | undefined): Read<ReservationFilter> =>
  Result.gen(function*() {
    if (filter === undefined) return {}
    const server = optional(filter.server, (text) => readServer("filter.server", text))
    const mac = optional(filter.mac, (text) => readMac("filter.mac", text))
    const sources = all(
      filter.sources.slice(0, 10).map((wanted) => {
        const source = sourceOf(wanted)
        return source === undefined
          ? invalid("filter.sources", enumNames(ReservationSourceSchema), enumName(ReservationSourceSchema, wanted))
          : Result.succeed(source)
      })
    )
    yield* together(server, mac, sources)
    const [onServer, ofMac] = [yield* server, yield* mac]
    return {
      ...(filter.subnet === "" ? {} : { subnet: filter.subnet }),
      ...(filter.name === "" ? {} : { name: filter.name }),
      sources: yield* sources,
      ...(onServer === undefined ? {} : { server: onServer }),
      ...(filter.enabled === undefined ? {} : { enabled: filter.enabled }),
      ...(ofMac === undefined ? {} : { mac: ofMac })
    }
  })
