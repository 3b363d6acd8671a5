/** What settling names has to know: asked of the database, or of a trial that changes nothing. */
import type { Mac } from "@leasehold/events"
import type { Client, PostgresError } from "@leasehold/runtime"
import { Effect } from "effect"
import { type Decided, loadDecided, loadRivals, loadSystems, loadTaken, type Taken } from "./loads.ts"
import type { System } from "./system.ts"

export interface NameBook {
  readonly systems: (macs: ReadonlyArray<Mac>) => Effect.Effect<ReadonlyArray<System>, PostgresError>
  readonly decided: (macs: ReadonlyArray<Mac>) => Effect.Effect<ReadonlyMap<Mac, Decided>, PostgresError>
  readonly taken: (names: ReadonlyArray<string>) => Effect.Effect<Taken, PostgresError>
  /** Who is called like one of the labels with a suffix, the last of them. */
  readonly rivals: (labels: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<System>, PostgresError>
  /** Draws so many numbers of a policy; the first of them. */
  readonly numbers: (policyId: string, count: number) => Effect.Effect<number, PostgresError>
}

const numbersSql = `
  INSERT INTO naming_sequences AS s (policy_id, next) VALUES ($1, 1 + $2::bigint)
  ON CONFLICT (policy_id) DO UPDATE SET next = s.next + $2::bigint
  RETURNING (next - $2::bigint)::text AS first`

export const databaseBook = (client: Client): NameBook => ({
  systems: (macs) => loadSystems(client, macs),
  decided: (macs) => loadDecided(client, macs),
  taken: (names) => loadTaken(client, names),
  rivals: (labels) => loadRivals(client, labels),
  numbers: (policyId, count) =>
    Effect.map(client.query<{ first: string }>(numbersSql, [policyId, count]), ([row]) => Number(row?.first ?? 1))
})
