/** IpamService: subnets, reservations, and every change that was made to what is decided. */
import type { ServiceImpl } from "@connectrpc/connect"
import {
  CheckRegistryRequestSchema,
  CheckRegistryResponseSchema,
  CreateReservationRequestSchema,
  CreateReservationResponseSchema,
  CreateSubnetRequestSchema,
  CreateSubnetResponseSchema,
  DeleteReservationRequestSchema,
  DeleteReservationResponseSchema,
  DeleteSubnetRequestSchema,
  DeleteSubnetResponseSchema,
  GetReservationRequestSchema,
  GetReservationResponseSchema,
  GetSubnetRequestSchema,
  GetSubnetResponseSchema,
  ImportReservationsRequestSchema,
  ImportReservationsResponseSchema,
  type IpamService,
  ListChangesRequestSchema,
  ListChangesResponseSchema,
  ListReservationsRequestSchema,
  ListReservationsResponseSchema,
  ListSubnetsRequestSchema,
  ListSubnetsResponseSchema,
  NextFreeAddressRequestSchema,
  NextFreeAddressResponseSchema,
  UndoChangeRequestSchema,
  UndoChangeResponseSchema,
  UpdateReservationRequestSchema,
  UpdateReservationResponseSchema,
  UpdateSubnetRequestSchema,
  UpdateSubnetResponseSchema
} from "@leasehold/registry-api"
import { Effect } from "effect"
import { Changes } from "../../administration/Changes.ts"
import { readServer } from "../../ipam/fields.ts"
import { FreeAddresses } from "../../ipam/FreeAddresses.ts"
import { Imports } from "../../ipam/Imports.ts"
import { Reservations } from "../../ipam/Reservations.ts"
import { Review } from "../../ipam/Review.ts"
import { Subnets } from "../../ipam/Subnets.ts"
import { ApiError } from "../ApiError.ts"
import type { Implementing } from "../implement.ts"
import { fromTimestamp, toTimestamp } from "../messages.ts"
import { changeMessage, findingMessage, reservationMessage, subnetMessage } from "./ipam/answers.ts"
import { importAnswer, readImport } from "./ipam/imports.ts"
import { readFilter, readReservation, readReservationPatch, readSubnet, readSubnetPatch } from "./ipam/requests.ts"

type Used = Changes | FreeAddresses | Imports | Reservations | Review | Subnets

export const ipamService = (method: Implementing<Used>) =>
  ({
    createSubnet: method.unary(
      CreateSubnetRequestSchema,
      CreateSubnetResponseSchema,
      Effect.fn("IpamService.createSubnet")(function*({ dryRun, subnet }, caller) {
        const subnets = yield* Subnets
        const created = yield* subnets.create(caller, yield* readSubnet(subnet), dryRun)
        return { subnet: subnetMessage(created.subnet), change: created.change }
      })
    ),
    getSubnet: method.unary(
      GetSubnetRequestSchema,
      GetSubnetResponseSchema,
      Effect.fn("IpamService.getSubnet")(function*({ key }) {
        const subnets = yield* Subnets
        return { subnet: subnetMessage(yield* subnets.get(key)) }
      })
    ),
    listSubnets: method.unary(
      ListSubnetsRequestSchema,
      ListSubnetsResponseSchema,
      Effect.fn("IpamService.listSubnets")(function*({ pageSize, pageToken, server }) {
        const subnets = yield* Subnets
        const wanted = server === "" ? undefined : yield* Effect.fromResult(readServer("server", server))
        const { items, nextToken } = yield* subnets.list(wanted, { size: pageSize, token: pageToken })
        return { subnets: items.map(subnetMessage), nextPageToken: nextToken }
      })
    ),
    updateSubnet: method.unary(
      UpdateSubnetRequestSchema,
      UpdateSubnetResponseSchema,
      Effect.fn("IpamService.updateSubnet")(function*({ dryRun, key, subnet, updateMask }, caller) {
        const subnets = yield* Subnets
        const updated = yield* subnets.update(caller, key, yield* readSubnetPatch(subnet, updateMask), dryRun)
        return { subnet: subnetMessage(updated.subnet), change: updated.change }
      })
    ),
    deleteSubnet: method.unary(
      DeleteSubnetRequestSchema,
      DeleteSubnetResponseSchema,
      Effect.fn("IpamService.deleteSubnet")(function*({ dryRun, key, withReservations }, caller) {
        const subnets = yield* Subnets
        const { change, reservations } = yield* subnets.remove(caller, key, { withReservations, dryRun })
        return { change, reservations: BigInt(reservations) }
      })
    ),

    createReservation: method.unary(
      CreateReservationRequestSchema,
      CreateReservationResponseSchema,
      Effect.fn("IpamService.createReservation")(function*({ disabled, dryRun, reservation }, caller) {
        const reservations = yield* Reservations
        if (reservation === undefined) return yield* ApiError.invalid("reservation", "what is to be made")
        const enabled = disabled ? reservation.enabled : true
        const settings = yield* Effect.fromResult(readReservation(reservation, enabled))
        const created = yield* reservations.create(caller, settings, dryRun)
        return { reservation: reservationMessage(created.reservation), change: created.change }
      })
    ),
    getReservation: method.unary(
      GetReservationRequestSchema,
      GetReservationResponseSchema,
      Effect.fn("IpamService.getReservation")(function*({ key }) {
        const reservations = yield* Reservations
        return { reservation: reservationMessage(yield* reservations.get(key)) }
      })
    ),
    listReservations: method.unary(
      ListReservationsRequestSchema,
      ListReservationsResponseSchema,
      Effect.fn("IpamService.listReservations")(function*({ filter, pageSize, pageToken }) {
        const reservations = yield* Reservations
        const wanted = yield* Effect.fromResult(readFilter(filter))
        const { items, nextToken } = yield* reservations.list(wanted, { size: pageSize, token: pageToken })
        return { reservations: items.map(reservationMessage), nextPageToken: nextToken }
      })
    ),
    updateReservation: method.unary(
      UpdateReservationRequestSchema,
      UpdateReservationResponseSchema,
      Effect.fn("IpamService.updateReservation")(function*({ dryRun, key, reservation, updateMask }, caller) {
        const reservations = yield* Reservations
        const patch = yield* readReservationPatch(reservation, updateMask)
        const updated = yield* reservations.update(caller, key, patch, dryRun)
        return { reservation: reservationMessage(updated.reservation), change: updated.change }
      })
    ),
    deleteReservation: method.unary(
      DeleteReservationRequestSchema,
      DeleteReservationResponseSchema,
      Effect.fn("IpamService.deleteReservation")(function*({ dryRun, key }, caller) {
        const reservations = yield* Reservations
        const removed = yield* reservations.remove(caller, key, dryRun)
        return { reservation: reservationMessage(removed.reservation), change: removed.change }
      })
    ),

    nextFreeAddress: method.unary(
      NextFreeAddressRequestSchema,
      NextFreeAddressResponseSchema,
      Effect.fn("IpamService.nextFreeAddress")(function*({ dryRun, subnet }) {
        const addresses = yield* FreeAddresses
        const { address, until } = yield* addresses.next(subnet, dryRun)
        return { address, heldUntil: toTimestamp(until) }
      })
    ),
    importReservations: method.clientStreaming(
      ImportReservationsRequestSchema,
      ImportReservationsResponseSchema,
      Effect.fn("IpamService.importReservations")(function*(requests, caller) {
        const imports = yield* Imports
        return importAnswer(yield* imports.run(caller, yield* readImport(requests)))
      })
    ),

    listChanges: method.unary(
      ListChangesRequestSchema,
      ListChangesResponseSchema,
      Effect.fn("IpamService.listChanges")(function*({ actor, id, key, pageSize, pageToken, since }, { scope }) {
        const changes = yield* Changes
        if (id < 0n) return yield* ApiError.invalid("id", "the number of a change", String(id))
        const filter = {
          id: id === 0n ? undefined : String(id),
          key,
          actor,
          since: since === undefined ? undefined : yield* fromTimestamp("since", since),
          tokens: scope === "administer"
        }
        const { items, nextToken } = yield* changes.list(filter, { size: pageSize, token: pageToken })
        return { changes: items.map(changeMessage), nextPageToken: nextToken }
      })
    ),
    undoChange: method.unary(
      UndoChangeRequestSchema,
      UndoChangeResponseSchema,
      Effect.fn("IpamService.undoChange")(function*({ dryRun, id }, caller) {
        const changes = yield* Changes
        return { change: changeMessage(yield* changes.undo(caller, id, dryRun)) }
      })
    ),
    checkRegistry: method.unary(
      CheckRegistryRequestSchema,
      CheckRegistryResponseSchema,
      Effect.fn("IpamService.checkRegistry")(function*() {
        const { findings } = yield* Review
        return { findings: (yield* findings).map(findingMessage) }
      })
    )
  }) satisfies ServiceImpl<typeof IpamService>
