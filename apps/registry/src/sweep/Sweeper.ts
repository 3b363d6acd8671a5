/**
 * Ends what time has ended: automatic reservations of systems that were not seen for long, and sightings that no history
 * and no current address rests on.
 *
 * In small batches under the writer lock, so that events wait for milliseconds only. An administrator's reservations
 * are never touched.
 */
import { type Client, Postgres } from "@leasehold/runtime"
import { Config, Context, Duration, Effect, Layer, Metric, Schedule } from "effect"
import { Relay } from "../outbox/Relay.ts"

const swept = Metric.counter("registry_swept_rows_total", {
  description: "Rows that ended because of their age",
  incremental: true
})

const SweepConfig = Config.all({
  keep: Config.Duration("SIGHTINGS_KEEP").pipe(Config.withDefault(Duration.days(30))),
  interval: Config.Duration("SWEEP_INTERVAL").pipe(Config.withDefault(Duration.hours(1)))
}).pipe(Config.nested("REGISTRY"))

const batch = 1_000

const reservationsSql = `
  DELETE FROM reservations WHERE id IN (
    SELECT r.id FROM reservations r
    JOIN subnets s ON s.id = r.subnet_id
    LEFT JOIN systems y ON y.mac = r.mac
    WHERE r.source = 'auto' AND coalesce(y.last_seen, r.created_at) < now() - s.auto_keep
    ORDER BY r.id LIMIT ${batch})
  RETURNING 1`

/** What begins or ends a stretch of history stays, and so does the last word on each address. */
const sightingsSql = `
  DELETE FROM sightings WHERE ctid IN (
    SELECT s.ctid FROM sightings s
    WHERE s.at < now() - $1::interval
      AND NOT EXISTS (
        SELECT FROM address_history h
        WHERE h.server = s.server AND h.address = s.address
          AND coalesce(upper(h.during), 'infinity') >= s.at
          AND (lower(h.during) = s.at OR upper(h.during) = s.at))
      AND EXISTS (
        SELECT FROM sightings l
        WHERE l.server = s.server AND l.address = s.address AND l.held AND (l.at, l.event_id) > (s.at, s.event_id))
    LIMIT ${batch})
  RETURNING 1`

export class Sweeper extends Context.Service<Sweeper, {
  /** Sweeps everything that is due; returns how many rows that were. */
  readonly sweep: Effect.Effect<number>
}>()("registry/sweep/Sweeper") {
  static readonly layer = Layer.effect(
    Sweeper,
    Effect.gen(function*() {
      const { keep } = yield* SweepConfig
      const postgres = yield* Postgres
      const relay = yield* Relay
      const all = Effect.fnUntraced(function*(sql: string, values: ReadonlyArray<unknown>) {
        let rows = 0
        for (let last = batch; last === batch; rows += last) {
          last = yield* postgres.transaction((client: Client) =>
            Effect.andThen(client.query("SELECT take_writer_lock()"), client.query(sql, values))
          ).pipe(Effect.map(({ length }) => length))
          yield* Metric.update(swept, last)
        }
        return rows
      })
      const sweep = Effect.gen(function*() {
        const reservations = yield* all(reservationsSql, [])
        if (reservations > 0) yield* relay.wake
        const sightings = yield* all(sightingsSql, [`${Duration.toSeconds(keep)} seconds`])
        if (reservations + sightings > 0) yield* Effect.logInfo("swept", { reservations, sightings })
        return reservations + sightings
      })
      return Sweeper.of({
        sweep: Effect.catch(
          sweep,
          (error) => Effect.as(Effect.logWarning("cannot sweep, trying again later", error), 0)
        )
      })
    })
  )
}

/** Sweeps regularly; the first time soon after the start. */
export const sweepingLayer = Layer.effectDiscard(Effect.gen(function*() {
  const { interval } = yield* SweepConfig
  const sweeper = yield* Sweeper
  yield* Effect.sleep(Duration.seconds(10)).pipe(
    Effect.andThen(Effect.repeat(sweeper.sweep, Schedule.spaced(Duration.max(interval, Duration.seconds(1))))),
    Effect.forkScoped
  )
}))
