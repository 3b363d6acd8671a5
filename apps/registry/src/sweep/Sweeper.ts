/**
 * Ends what time has ended: automatic reservations of systems that were not seen for long, and sightings that no history
 * and no current address rests on.
 *
 * They are looked for while others write. Under the writer lock small batches of what was found are looked at again, and
 * deleted, so that events wait for milliseconds only. An administrator's reservations are never touched.
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

/** Found at a time, and deleted at a time. */
const most = 50_000
const batch = 500

interface Due {
  readonly findSql: string
  /** With keys of what was found as its last parameter. */
  readonly endSql: string
}

const dueReservations = `
  SELECT r.id FROM reservations r
  JOIN subnets s ON s.id = r.subnet_id
  LEFT JOIN systems y ON y.mac = r.mac
  WHERE r.source = 'auto' AND coalesce(y.last_seen, r.created_at) < now() - s.auto_keep`
const oldReservations: Due = {
  findSql: `SELECT id::text AS key FROM (${dueReservations}) AS due LIMIT ${most}`,
  endSql: `DELETE FROM reservations WHERE id IN (${dueReservations} AND r.id = ANY ($1::bigint[])) RETURNING 1`
}

/** What begins or ends a stretch of history stays, and so does the last word on each address. */
const dueSightings = `
  SELECT s.ctid AS place FROM sightings s
  WHERE s.at < now() - $1::interval
    AND NOT EXISTS (
      SELECT FROM address_history h
      WHERE h.server = s.server AND h.address = s.address
        AND coalesce(upper(h.during), 'infinity') >= s.at
        AND (lower(h.during) = s.at OR upper(h.during) = s.at))
    AND EXISTS (
      SELECT FROM sightings l
      WHERE l.server = s.server AND l.address = s.address AND l.held AND (l.at, l.event_id) > (s.at, s.event_id))`
const oldSightings: Due = {
  findSql: `SELECT place::text AS key FROM (${dueSightings}) AS due LIMIT ${most}`,
  // Whatever is at the place by now: it goes only where it is due itself.
  endSql: `DELETE FROM sightings WHERE ctid IN (${dueSightings} AND s.ctid = ANY ($2::tid[])) RETURNING 1`
}

// What was found is looked up by its keys, whatever the planner thinks of the tables.
const beginSql = `
  SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true), take_writer_lock()`

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
      const all = Effect.fnUntraced(function*({ endSql, findSql }: Due, values: ReadonlyArray<unknown>) {
        let rows = 0
        for (let goesOn = true; goesOn;) {
          const found = yield* postgres.query<{ key: string }>(findSql, values)
          const before = rows
          for (let first = 0; first < found.length; first += batch) {
            const keys = found.slice(first, first + batch).map(({ key }) => key)
            const { length } = yield* postgres.transaction((client: Client) =>
              Effect.andThen(client.query(beginSql), client.query(endSql, [...values, keys]))
            )
            yield* Metric.update(swept, length)
            rows += length
          }
          goesOn = found.length === most && rows > before
        }
        return rows
      })
      const sweep = Effect.gen(function*() {
        const reservations = yield* all(oldReservations, [])
        if (reservations > 0) yield* relay.wake
        const sightings = yield* all(oldSightings, [`${Duration.toSeconds(keep)} seconds`])
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
