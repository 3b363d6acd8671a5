/**
 * Registers a system by hand: an event on the bus, as a DHCP server's log would give it, and the wait until it is applied.
 *
 * It takes the path of every other event, so that what is registered is named, remembered and reserved for in the same way.
 */
import {
  type ClientName,
  EventId,
  eventSubject,
  type Ipv4,
  type Mac,
  type ServerId,
  timestampFromMillis
} from "@leasehold/events"
import { attemptNats, Nats, Postgres } from "@leasehold/runtime"
import { jetstream } from "@nats-io/jetstream"
import { Clock, Context, Effect, Layer, Schedule } from "effect"
import { randomUUID } from "node:crypto"
import { ApiError } from "../api/ApiError.ts"

export interface Registering {
  readonly mac: Mac
  readonly server: ServerId
  readonly address: Ipv4 | undefined
  readonly clientName: ClientName | undefined
}

const knownSql = "SELECT FROM systems WHERE mac = $1::macaddr"
// A later event may have been applied meanwhile: then this one was, or counts for nothing any more.
const appliedSql = `SELECT FROM systems WHERE mac = $1::macaddr AND server_stamp >= $2 COLLATE "C"`

const often = Schedule.spaced("20 millis")
const patience = "10 seconds"

export class Registration extends Context.Service<Registration, {
  /** Resolves when the system is as the event makes it; tells whether it was not known before. */
  register(system: Registering): Effect.Effect<boolean, ApiError>
}>()("registry/systems/Registration") {
  static readonly layer = Layer.effect(
    Registration,
    Effect.gen(function*() {
      const postgres = yield* Postgres
      const { connection } = yield* Nats
      const client = jetstream(connection)
      return Registration.of({
        register: Effect.fn("Registration.register")(function*({ address, clientName, mac, server }) {
          const known = yield* Effect.orDie(postgres.query(knownSql, [mac]))
          const at = timestampFromMillis(yield* Clock.currentTimeMillis)
          const id = EventId.make(`api-${randomUUID()}`)
          const event = { id, at, mac, ip: address, clientName }
          yield* attemptNats("publish", () =>
            client.publish(
              eventSubject(server, address === undefined ? "discover" : "ack"),
              JSON.stringify(event),
              { msgID: id, timeout: 5_000 }
            )).pipe(
              Effect.mapError(() => ApiError.refuse("unavailable", "the bus does not take the event: try again"))
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
          return known.length === 0
        })
      })
    })
  )
}
