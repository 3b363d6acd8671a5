/**
 * What an administrator decides about a system: its name, which then stands above every rule, and whether it is ignored
 * or blocked.
 */
import type { Hostname, Mac, NameSource, SystemState } from "@leasehold/events"
import type { Client } from "@leasehold/runtime"
import { Context, Effect, Layer } from "effect"
import { Administration, type Changed } from "../administration/Administration.ts"
import { byItself } from "../administration/byItself.ts"
import { ApiError } from "../api/ApiError.ts"
import type { Caller } from "../api/Caller.ts"
import { systemsOf } from "../apply/applyFolded.ts"
import { settleReserved } from "../apply/applyPendingNames.ts"
import { systemFacts } from "../apply/facts.ts"
import { loadSystems } from "../apply/loads.ts"
import { loadNaming } from "../apply/NamingCache.ts"
import { followNamesSql, writeNames } from "../apply/writeSystems.ts"
import { suffixed } from "../names/candidates.ts"
import { insertFacts } from "../outbox/insertFacts.ts"
import { type KnownSystem, knownSystemColumns } from "./KnownSystem.ts"

export interface Decision {
  /** None gives it back to the rules; undefined leaves it as it is. */
  readonly name: Hostname | "" | undefined
  readonly state: SystemState | undefined
}

interface Row {
  readonly mac: Mac
  readonly name: string
  readonly nameSource: NameSource
  readonly state: SystemState
  readonly address: string | null
  readonly server: string
  readonly now: string
}

const rowsSql = `
  SELECT mac::text, name, name_source AS "nameSource", state, host(address) AS address, server,
    iso_timestamp(clock_timestamp()) AS now
  FROM systems WHERE mac = $1::macaddr OR name = $2`
const reservedSql = `
  SELECT r.id, r.mac::text FROM reservations r
  WHERE r.name = $1 AND r.source <> 'auto'
    AND NOT EXISTS (SELECT FROM reservations o WHERE o.name = $1 AND o.source <> 'auto' AND o.mac = $2::macaddr)
  ORDER BY r.id LIMIT 1`
const takenSql = `
  SELECT name FROM systems WHERE name = ANY ($1::text[])
  UNION ALL SELECT name FROM reservations WHERE name = ANY ($1::text[])`
// In one statement with the state, so that it is one row of the log: that waits for the state to be set, which events never do.
const writeSql = `
  UPDATE systems s SET name = k.name, name_source = k.source, state = k.state
  FROM unnest($1::macaddr[], $2::text[], $3::text[], $4::text[]) AS k (mac, name, source, state) WHERE s.mac = k.mac`
const givenSql = "INSERT INTO given_names (mac, name) VALUES ($1::macaddr, $2) ON CONFLICT DO NOTHING"
const renameSql = "SELECT rename_systems($1::macaddr[], $2::text[], $3::text[])"
const wakeSql = "NOTIFY outbox"
const systemSql = `SELECT ${knownSystemColumns} FROM systems s WHERE s.mac = $1::macaddr`

export class Decisions extends Context.Service<Decisions, {
  /** Fails where the name is somebody else's by an administrator's word, and says whose. */
  decide(
    options: { readonly caller: Caller; readonly mac: Mac; readonly decision: Decision; readonly dryRun: boolean }
  ): Effect.Effect<Changed<KnownSystem>, ApiError>
}>()("registry/systems/Decisions") {
  static readonly layer = Layer.effect(
    Decisions,
    Effect.gen(function*() {
      const administration = yield* Administration
      return Decisions.of({
        decide: Effect.fn("Decisions.decide")(function*({ caller, decision, dryRun, mac }) {
          const action = decision.state === undefined ? "system rename" : `system ${decision.state}`
          return yield* administration.change(
            { caller, action, dryRun },
            (client) => decide(client, caller, mac, decision)
          )
        })
      })
    })
  )
}

const decide = Effect.fnUntraced(function*(client: Client, caller: Caller, mac: Mac, decision: Decision) {
  const rows = yield* client.query<Row>(rowsSql, [mac, decision.name ?? null])
  const system = rows.find((row) => row.mac === mac)
  if (system === undefined) {
    return yield* ApiError.refuse("not-found", "no system has this MAC", "mac")
  }
  const holder = rows.find((row) => row.mac !== mac)
  const loser = holder === undefined ? undefined : yield* giveWay(client, holder)
  const wanted = { ...system, ...named(system, decision.name), state: decision.state ?? system.state }
  if (decision.name !== undefined && decision.name !== "") yield* refuseReserved(client, decision.name, mac)
  const changed = [
    ...(loser === undefined ? [] : [loser]),
    ...(isSame(system, wanted) ? [] : [{ before: system, after: wanted }])
  ]
  if (changed.length > 0) yield* write(client, caller, changed)
  if (wanted.nameSource === "administrator") yield* client.query(givenSql, [mac, wanted.name])
  if (decision.name === "" && system.nameSource === "administrator") yield* giveBack(client, caller, system)
  const [result] = yield* client.query<KnownSystem>(systemSql, [mac])
  return yield* Effect.orDie(Effect.fromNullishOr(result))
})

const named = (system: Row, name: Decision["name"]): Pick<Row, "name" | "nameSource"> =>
  name === undefined || name === "" ? system : { name, nameSource: "administrator" }

/**
 * Asks the rules for a name. Whoever has another by that is in the log, so that it can be taken back; what follows, the
 * registry does by itself.
 */
const giveBack = Effect.fnUntraced(function*(client: Client, caller: Caller, { mac, now }: Row) {
  // As if it were called after a reservation that is gone: it may be called as it is where the rules say so.
  const rows = (yield* loadSystems(client, [mac])).map((row) => ({ ...row, nameSource: "reservation" as const }))
  const systems = systemsOf(rows)
  const settled = yield* settleReserved(client, yield* loadNaming(client), [mac], systems)
  const changed = [...systems.now.values()].filter((one) => one.mac === mac || systems.known.get(one.mac) !== one)
  const names = [changed.map((one) => one.mac), changed.map(({ name }) => name)]
  yield* client.query(renameSql, [...names, changed.map(({ nameSource }) => nameSource)])
  const facts = systemFacts(systems, settled, { now })
  yield* byItself(
    client,
    caller,
    Effect.all([
      client.query(followNamesSql, names),
      ...writeNames(client, settled),
      ...(facts.length > 0 ? [insertFacts(client, facts), client.query(wakeSql)] : [])
    ])
  )
})

const isSame = (one: Row, other: Row) =>
  one.name === other.name && one.nameSource === other.nameSource && one.state === other.state

const refuseReserved = Effect.fnUntraced(function*(client: Client, name: string, mac: Mac) {
  const [reservation] = yield* client.query<{ id: string; mac: string }>(reservedSql, [name, mac])
  if (reservation === undefined) return
  return yield* ApiError.refuse(
    "already-exists",
    `${name} is reserved for ${reservation.mac} (reservation ${reservation.id})`,
    "name"
  )
})

/** A client's name and a generated one give way, to what the rules give those who come too late. */
const giveWay = Effect.fnUntraced(function*(client: Client, holder: Row) {
  if (holder.nameSource === "administrator" || holder.nameSource === "reservation") {
    return yield* ApiError.refuse("already-exists", `${holder.mac} is called ${holder.name} already`, "name")
  }
  const candidates = suffixed(holder.mac, holder.name)
  const taken = (yield* client.query<{ name: string }>(takenSql, [candidates])).map(({ name }) => name)
  const name = candidates.find((candidate) => !taken.includes(candidate))
  if (name === undefined) {
    return yield* ApiError.refuse("already-exists", `${holder.mac} is called ${holder.name} already`, "name")
  }
  return { before: holder, after: { ...holder, name } }
})

const write = Effect.fnUntraced(function*(
  client: Client,
  caller: Caller,
  changed: ReadonlyArray<{ readonly before: Row; readonly after: Row }>
) {
  yield* client.query(writeSql, [
    changed.map(({ after }) => after.mac),
    changed.map(({ after }) => after.name),
    changed.map(({ after }) => after.nameSource),
    changed.map(({ after }) => after.state)
  ])
  const renamed = changed.filter(({ after, before }) => after.name !== before.name)
  if (renamed.length === 0) return
  yield* insertFacts(
    client,
    renamed.map(({ after: { address, mac, name, nameSource, now, server }, before }) => ({
      type: "system.renamed",
      mac,
      name,
      nameSource,
      address,
      server,
      at: now,
      previous: before.name
    }))
  )
  yield* byItself(
    client,
    caller,
    client.query(followNamesSql, [renamed.map(({ after }) => after.mac), renamed.map(({ after }) => after.name)])
  )
})
