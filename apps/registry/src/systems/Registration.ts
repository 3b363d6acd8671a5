/**
 * Registers a system by hand: an event on the bus, as a DHCP server's log would give it, and the wait until it is applied.
 *
 * It takes the path of every other event, so that what is registered is named, remembered and reserved for in the same way.
 * A dry run applies the event where it stands, and takes that back.
 */
import {
  type ClientName,
  decodeMessage,
  EventId,
  eventSubject,
  type Ipv4,
  type Mac,
  type ServerId,
  timestampFromMillis
} from "@leasehold/events"
import { attemptNats, type Client, Nats, Postgres } from "@leasehold/runtime"
import { jetstream } from "@nats-io/jetstream"
import { Clock, Context, Effect, Layer, Schedule } from "effect"
import { randomUUID } from "node:crypto"
import { Administration } from "../administration/Administration.ts"
import { byItself } from "../administration/byItself.ts"
import { ApiError } from "../api/ApiError.ts"
import type { Caller } from "../api/Caller.ts"
import { applyFolded } from "../apply/applyFolded.ts"
import { foldEvents } from "../apply/foldEvents.ts"
import { NamingCache } from "../apply/NamingCache.ts"
import { type KnownSystem, knownSystemColumns } from "./KnownSystem.ts"

export interface Registering {
  readonly mac: Mac
  readonly server: ServerId
  readonly address: Ipv4 | undefined
  readonly clientName: ClientName | undefined
}

export interface Registered {
  readonly system: KnownSystem
  /** It was not known before. */
  readonly created: boolean
}

const knownSql = "SELECT FROM systems WHERE mac = $1::macaddr"
const systemSql = `SELECT ${knownSystemColumns} FROM systems s WHERE s.mac = $1::macaddr`
// A later event may have been applied meanwhile: then this one was, or counts for nothing any more.
const appliedSql = `SELECT FROM systems WHERE mac = $1::macaddr AND server_stamp >= $2 COLLATE "C"`

const often = Schedule.spaced("20 millis")
const patience = "10 seconds"

export class Registration extends Context.Service<Registration, {
  /** Resolves when the system is as the event makes it. */
  register(caller: Caller, system: Registering, dryRun: boolean): Effect.Effect<Registered, ApiError>
}>()("registry/systems/Registration") {
  static readonly layer = Layer.effect(
    Registration,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const { connection } = yield* Nats
      const administration = yield* Administration
      const stream = jetstream(connection)
      const find = (client: Client, mac: Mac) =>
        Effect.flatMap(
          client.query<KnownSystem>(systemSql, [mac]),
          ([system]) => Effect.orDie(Effect.fromNullishOr(system))
        )

      const attempt = Effect.fnUntraced(
        function*(caller: Caller, mac: Mac, subject: string, data: string, now: number) {
          const event = yield* decodeMessage({ subject, data, sequence: 0, time: now * 1000 }).pipe(
            Effect.fromResult,
            Effect.mapError(({ expected, field }) => ApiError.invalid(field, expected))
          )
          const { result } = yield* administration.change(
            { caller, action: "system register", dryRun: true },
            (client) =>
              byItself(
                client,
                caller,
                Effect.andThen(applyFolded(client, foldEvents([event]), new NamingCache()), find(client, mac))
              )
          )
          return result
        }
      )

      return Registration.of({
        register: Effect.fn("Registration.register")(function*(caller, { address, clientName, mac, server }, dryRun) {
          const known = yield* Effect.orDie(postgres.query(knownSql, [mac]))
          const created = known.length === 0
          const now = yield* Clock.currentTimeMillis
          const at = timestampFromMillis(now)
          const id = EventId.make(`api-${randomUUID()}`)
          const subject = eventSubject(server, address === undefined ? "discover" : "ack")
          const data = JSON.stringify({ id, at, mac, ip: address, clientName })
          if (dryRun) return { system: yield* attempt(caller, mac, subject, data, now), created }
          yield* attemptNats("publish", () => stream.publish(subject, data, { msgID: id, timeout: 5_000 })).pipe(
            Effect.mapError(() => ApiError.refuse("unavailable", "NATS does not take the event: try again"))
          )
          yield* postgres.query(appliedSql, [mac, `${at} ${id}`]).pipe(
            Effect.orDie,
            Effect.repeat({ schedule: often, until: (rows) => rows.length > 0 }),
            Effect.timeoutOrElse({
              duration: patience,
              orElse: () =>
                Effect.fail(ApiError.refuse(
                  "deadline-exceeded",
                  `the event ${id} is on the bus and has not been applied yet; if it cannot be, the stream REJECTED says why`
                ))
            })
          )
          return { system: yield* Effect.orDie(find(postgres, mac)), created }
        })
      })
    })
  )
}
