/** WatcherService: what is known of the machines on the network, and how they are watched. */
import type { ServiceImpl } from "@connectrpc/connect"
import { ClientName, Ipv4, Ipv6, Mac, ServerId, Timestamp } from "@leasehold/events"
import {
  ApproveSystemRequestSchema,
  ApproveSystemResponseSchema,
  ConfigureWatcherRequestSchema,
  ConfigureWatcherResponseSchema,
  ExplainSystemRequestSchema,
  ExplainSystemResponseSchema,
  GetSystemRequestSchema,
  GetSystemResponseSchema,
  GetWatcherConfigurationRequestSchema,
  GetWatcherConfigurationResponseSchema,
  GetWatcherStatusRequestSchema,
  GetWatcherStatusResponseSchema,
  ListAddressHistoryRequestSchema,
  ListAddressHistoryResponseSchema,
  ListSystemsRequestSchema,
  ListSystemsResponseSchema,
  RegisterSystemRequestSchema,
  RegisterSystemResponseSchema,
  UpdateSystemRequestSchema,
  UpdateSystemResponseSchema,
  type WatcherService,
  WatchSystemsRequestSchema,
  WatchSystemsResponseSchema
} from "@leasehold/registry-api"
import { Effect, Option, Schema, Stream } from "effect"
import { readAddress, readInterfaceMac, readMac, readName } from "../../ipam/fields.ts"
import { Monitoring } from "../../monitoring/Monitoring.ts"
import { AddressHistory } from "../../systems/AddressHistory.ts"
import { Approval } from "../../systems/Approval.ts"
import { Decisions } from "../../systems/Decisions.ts"
import { Explanation } from "../../systems/Explanation.ts"
import { Registration } from "../../systems/Registration.ts"
import { Systems } from "../../systems/Systems.ts"
import { Watching } from "../../systems/Watching.ts"
import { ApiError } from "../ApiError.ts"
import type { Implementing } from "../implement.ts"
import { field, fromTimestamp } from "../messages.ts"
import { pageSize, pageToken, pageTokenReader } from "../pageToken.ts"
import { configurationMessage, ingestMessage } from "./watcher/monitoringMessages.ts"
import { evidenceMessage, holdingMessage, watchedMessage } from "./watcher/messages.ts"
import { filterOf, stateOf, systemMessage } from "./watcher/systemMessage.ts"

type Used = AddressHistory | Approval | Monitoring | Decisions | Explanation | Registration | Systems | Watching

const readSeenMac = field(Mac, "a MAC address of six octets such as 52:54:00:12:34:56")
const readServer = field(ServerId, "a server id of 1 to 63 lower-case letters, digits and dashes")
const readClientName = field(ClientName, "a name of 1 to 253 letters, digits, dashes, underscores and dots")
const readSystemsToken = pageTokenReader(Schema.Tuple([Mac]))
const readHistoryToken = pageTokenReader(Schema.Tuple([Timestamp, ServerId, Schema.Union([Ipv4, Ipv6])]))
const decodeMac = Schema.decodeUnknownOption(Mac)

export const watcherService = (method: Implementing<Used>) =>
  ({
    registerSystem: method.unary(
      RegisterSystemRequestSchema,
      RegisterSystemResponseSchema,
      Effect.fn("WatcherService.registerSystem")(function*(request, caller) {
        const registration = yield* Registration
        const mac = yield* Effect.fromResult(readMac("mac", request.mac))
        const { created, system } = yield* registration.register(caller, {
          mac,
          server: yield* readServer("server", request.server),
          address: request.address === ""
            ? undefined
            : yield* Effect.fromResult(readAddress("address", request.address)),
          clientName: request.clientName === "" ? undefined : yield* readClientName("client_name", request.clientName)
        }, request.dryRun)
        return { system: systemMessage(system), created }
      })
    ),
    getSystem: method.unary(
      GetSystemRequestSchema,
      GetSystemResponseSchema,
      Effect.fn("WatcherService.getSystem")(function*({ key }) {
        const systems = yield* Systems
        return { system: systemMessage(yield* systems.find(key)) }
      })
    ),
    listSystems: method.unary(
      ListSystemsRequestSchema,
      ListSystemsResponseSchema,
      Effect.fn("WatcherService.listSystems")(function*(request) {
        const systems = yield* Systems
        const filter = yield* Effect.flatMap(filterOf(request.filter), systems.resolve)
        const size = yield* pageSize(request.pageSize)
        const [after] = (yield* readSystemsToken(filter, request.pageToken)) ?? []
        const found = yield* systems.list(filter, { after, size: size + 1 })
        const last = found.length > size ? found[size - 1] : undefined
        return {
          systems: found.slice(0, size).map(systemMessage),
          nextPageToken: last === undefined ? "" : pageToken(filter, [last.mac])
        }
      })
    ),
    updateSystem: method.unary(
      UpdateSystemRequestSchema,
      UpdateSystemResponseSchema,
      Effect.fn("WatcherService.updateSystem")(function*({ dryRun, mac, name, state }, caller) {
        const decisions = yield* Decisions
        const { change, result } = yield* decisions.decide({
          caller,
          mac: yield* Effect.fromResult(readMac("mac", mac)),
          decision: {
            name: name === undefined || name === "" ? name : yield* Effect.fromResult(readName("name", name)),
            state: state === undefined ? undefined : yield* stateOf("state", state)
          },
          dryRun
        })
        return { system: systemMessage(result), change }
      })
    ),
    approveSystem: method.unary(
      ApproveSystemRequestSchema,
      ApproveSystemResponseSchema,
      Effect.fn("WatcherService.approveSystem")(function*({ address, dryRun, mac, name }, caller) {
        const approval = yield* Approval
        const { change, reservation } = yield* approval.approve(caller, {
          mac: yield* Effect.fromResult(readInterfaceMac("mac", mac)),
          address: address === ""
            ? undefined
            : address === "next"
            ? address
            : yield* Effect.fromResult(readAddress("address", address)),
          name: name === "" ? undefined : yield* Effect.fromResult(readName("name", name)),
          dryRun
        })
        return {
          reservationId: BigInt(reservation.id),
          address: reservation.address ?? "",
          name: reservation.name ?? "",
          change
        }
      })
    ),
    watchSystems: method.serverStreaming(
      WatchSystemsRequestSchema,
      WatchSystemsResponseSchema,
      ({ filter, resumeToken }) =>
        Stream.unwrap(Effect.gen(function*() {
          const systems = yield* Systems
          const watching = yield* Watching
          const resolved = yield* Effect.flatMap(filterOf(filter), systems.resolve)
          return Stream.map(watching.watch(resolved, resumeToken), watchedMessage)
        }))
    ),
    explainSystem: method.unary(
      ExplainSystemRequestSchema,
      ExplainSystemResponseSchema,
      Effect.fn("WatcherService.explainSystem")(function*({ limit, mac }) {
        const systems = yield* Systems
        const explanation = yield* Explanation
        if (limit < 0) return yield* ApiError.invalid("limit", "a number from 0 to 1000", limit)
        const system = yield* systems.find(yield* readSeenMac("mac", mac))
        const { evidence, reasons } = yield* explanation.explain(system, limit === 0 ? 20 : Math.min(limit, 1_000))
        return {
          system: systemMessage(system),
          reasons: [...reasons],
          evidence: evidence.map(evidenceMessage)
        }
      })
    ),
    listAddressHistory: method.unary(
      ListAddressHistoryRequestSchema,
      ListAddressHistoryResponseSchema,
      Effect.fn("WatcherService.listAddressHistory")(function*(request) {
        const history = yield* AddressHistory
        const mac = decodeMac(request.key)
        const question = {
          of: Option.isSome(mac)
            ? { mac: mac.value }
            : { address: yield* field(Ipv4, "a MAC or an IPv4 address")("key", request.key) },
          at: request.at === undefined ? undefined : yield* fromTimestamp("at", request.at)
        }
        const size = yield* pageSize(request.pageSize)
        const after = yield* readHistoryToken(question, request.pageToken)
        const found = yield* history.list(question, { after, size: size + 1 })
        const last = found.length > size ? found[size - 1] : undefined
        return {
          holdings: found.slice(0, size).map(holdingMessage),
          nextPageToken: last === undefined ? "" : pageToken(question, [last.since, last.server, last.address])
        }
      })
    ),
    configureWatcher: method.unary(
      ConfigureWatcherRequestSchema,
      ConfigureWatcherResponseSchema,
      Effect.fn("WatcherService.configureWatcher")(function*({ configuration: wanted, dryRun }, caller) {
        const monitoring = yield* Monitoring
        if (wanted === undefined) return yield* ApiError.invalid("configuration", "what is to be watched")
        const { change, configuration } = yield* monitoring.configure(caller, wanted, dryRun)
        return { configuration: configurationMessage(configuration), change }
      })
    ),
    getWatcherConfiguration: method.unary(
      GetWatcherConfigurationRequestSchema,
      GetWatcherConfigurationResponseSchema,
      Effect.fn("WatcherService.getWatcherConfiguration")(function*({ server }) {
        const monitoring = yield* Monitoring
        return { configurations: (yield* monitoring.configurations(server)).map(configurationMessage) }
      })
    ),
    getWatcherStatus: method.unary(
      GetWatcherStatusRequestSchema,
      GetWatcherStatusResponseSchema,
      Effect.fn("WatcherService.getWatcherStatus")(function*({ pageSize, pageToken, server }) {
        const monitoring = yield* Monitoring
        const { items, nextToken } = yield* monitoring.status(server, { size: pageSize, token: pageToken })
        return { ingests: items.map(ingestMessage), nextPageToken: nextToken }
      })
    )
  }) satisfies ServiceImpl<typeof WatcherService>
