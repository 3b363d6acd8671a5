/** Reserves for a system what it has: its address, or another, and its name. */
import type { Hostname, Ipv4, Mac } from "@leasehold/events"
import { Context, Effect, Layer } from "effect"
import { ApiError } from "../api/ApiError.ts"
import type { Caller } from "../api/Caller.ts"
import { readAddress, readName } from "../ipam/fields.ts"
import { type ChangedReservation, Reservations } from "../ipam/Reservations.ts"
import type { KnownSystem } from "./KnownSystem.ts"
import { Systems } from "./Systems.ts"

export interface Approving {
  readonly mac: Mac
  /** Undefined for the one that it holds. */
  readonly address: Ipv4 | "next" | undefined
  /** Undefined for the one that it has. */
  readonly name: Hostname | undefined
  readonly dryRun: boolean
}

export class Approval extends Context.Service<Approval, {
  /** An automatic reservation of the system becomes an administrator's. */
  approve(caller: Caller, approving: Approving): Effect.Effect<ChangedReservation, ApiError>
}>()("registry/systems/Approval") {
  static readonly layer = Layer.effect(
    Approval,
    Effect.gen(function*() {
      const reservations = yield* Reservations
      const systems = yield* Systems
      return Approval.of({
        approve: Effect.fn("Approval.approve")(function*(caller, { address, dryRun, mac, name }) {
          const system = yield* systems.find(mac)
          return yield* reservations.create(
            caller,
            {
              macs: [mac],
              address: address ?? (yield* held(system)),
              subnet: address === "next" ? yield* subnetOf(system) : undefined,
              name: name ?? (yield* Effect.fromResult(readName("name", system.name))),
              ignore: false,
              leaseTime: undefined,
              enabled: true,
              comment: ""
            },
            dryRun,
            "system approve"
          )
        })
      })
    })
  )
}

const held = ({ address }: KnownSystem) =>
  address === null
    ? Effect.fail(ApiError.refuse("failed-precondition", "it holds no address: say which it is to get", "address"))
    : Effect.fromResult(readAddress("address", address))

const subnetOf = ({ subnet }: KnownSystem) =>
  subnet === null
    ? Effect.fail(
      ApiError.refuse("failed-precondition", "it holds no address of a subnet: say which it is to get", "address")
    )
    : Effect.succeed(subnet)
