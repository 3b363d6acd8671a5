/** A system, and a filter for systems, as messages. */
import type { MessageInitShape } from "@bufbuild/protobuf"
import { isLocallyAdministered, Mac, type NameSource, ServerId, type SystemState } from "@leasehold/events"
import {
  NameSource as NameSourceMessage,
  type SystemFilter as SystemFilterMessage,
  type SystemSchema,
  SystemState as SystemStateMessage,
  SystemStateSchema
} from "@leasehold/registry-api"
import { Effect, Schema } from "effect"
import type { KnownSystem } from "../../../systems/KnownSystem.ts"
import type { SystemFilter } from "../../../systems/SystemFilter.ts"
import { ApiError } from "../../ApiError.ts"
import { enumName, enumNames } from "../../enumNames.ts"
import { field, fromTimestamp, toTimestamp } from "../../messages.ts"

const nameSources = {
  administrator: NameSourceMessage.ADMINISTRATOR,
  reservation: NameSourceMessage.RESERVATION,
  client: NameSourceMessage.CLIENT,
  generated: NameSourceMessage.GENERATED
} as const satisfies Record<NameSource, NameSourceMessage>

const states = {
  known: SystemStateMessage.KNOWN,
  ignored: SystemStateMessage.IGNORED,
  blocked: SystemStateMessage.BLOCKED
} as const satisfies Record<SystemState, SystemStateMessage>

const statesDecided: Readonly<Partial<Record<SystemStateMessage, SystemState>>> = {
  [SystemStateMessage.KNOWN]: "known",
  [SystemStateMessage.IGNORED]: "ignored",
  [SystemStateMessage.BLOCKED]: "blocked"
}

const isMac = Schema.is(Schema.toType(Mac))

export const systemMessage = (system: KnownSystem): MessageInitShape<typeof SystemSchema> => ({
  mac: system.mac,
  name: system.name,
  nameSource: nameSources[system.nameSource],
  state: states[system.state],
  firstSeen: toTimestamp(system.firstSeen),
  lastSeen: toTimestamp(system.lastSeen),
  address: system.address ?? "",
  subnet: system.subnet ?? "",
  server: system.server,
  interface: system.interface ?? "",
  clientName: system.clientName ?? "",
  vendorClass: system.vendorClass ?? "",
  userClass: system.userClass ?? "",
  vendor: system.vendor ?? "",
  randomised: isMac(system.mac) && isLocallyAdministered(system.mac),
  reservedAddresses: [...system.reserved]
})

export const stateOf = (name: string, state: SystemStateMessage): Effect.Effect<SystemState, ApiError> =>
  Effect.mapError(
    Effect.fromNullishOr(statesDecided[state]),
    () => ApiError.invalid(name, enumNames(SystemStateSchema), enumName(SystemStateSchema, state))
  )

const serverId = field(ServerId, "a server id of 1 to 63 lower-case letters, digits and dashes")
const text = field(
  Schema.String.check(Schema.isPattern(/^[^\p{C}]{1,100}$/u)),
  "at most 100 characters without control characters"
)

export const filterOf = Effect.fnUntraced(function*(message: SystemFilterMessage | undefined) {
  if (message === undefined) return {}
  const { name, reserved, seenSince, server, states, subnet, vendor } = message
  return {
    ...(subnet === "" ? {} : { subnet: yield* text("filter.subnet", subnet) }),
    ...(states.length === 0
      ? {}
      : { states: yield* Effect.forEach(states.slice(0, 10), (state) => stateOf("filter.states", state)) }),
    ...(seenSince === undefined ? {} : { seenSince: yield* fromTimestamp("filter.seen_since", seenSince) }),
    ...(name === "" ? {} : { name: yield* text("filter.name", name) }),
    ...(vendor === "" ? {} : { vendor: yield* text("filter.vendor", vendor) }),
    ...(server === "" ? {} : { server: yield* serverId("filter.server", server) }),
    ...(reserved === undefined ? {} : { reserved })
  } satisfies SystemFilter
})
