/**
 * Takes a change back where everything that it touched is still as it left it.
 *
 * The log is gone through backwards, in the sets in which it was written, inside the database: each state that comes
 * about has been one before, so that no constraint is in the way; and a change of ten thousand rows is a few statements.
 * In the end every row is looked at: it is as it was before the change, or nothing has happened.
 */
import type { Client, PostgresError } from "@leasehold/runtime"
import { Effect } from "effect"
import { ApiError } from "../../api/ApiError.ts"
import type { Caller } from "../../api/Caller.ts"
import { refusalOf } from "../refusals.ts"
import { inTheWay } from "./inTheWay.ts"
import { followNames, refuseHeldNames, renameBackSql, stateBackSql } from "./names.ts"
import { identityOf, isKey, keyOf, matches, relations } from "./relations.ts"

interface Step {
  readonly relation: string
  readonly kind: "deleted" | "inserted" | "updated"
  readonly first: string
  readonly last: string
  readonly columns: ReadonlyArray<string>
}

const stepsSql = `
  SELECT relation, kind, min(id)::text AS first, max(id)::text AS last,
    ARRAY(SELECT jsonb_object_keys((array_agg(coalesce(before, after) ORDER BY id))[1])) AS columns
  FROM (
    SELECT *, CASE WHEN before IS NULL THEN 'inserted' WHEN after IS NULL THEN 'deleted' ELSE 'updated' END AS kind
    FROM change_log WHERE change = $1::bigint
  ) AS l
  GROUP BY step, relation, kind ORDER BY min(id) DESC`

// What went with its subnet was logged after it, and comes back before it; names may pass from one to another.
const deferSql = `
  SET CONSTRAINTS subnet_servers_subnet_id_fkey, subnet_exclusions_subnet_id_subnet_fkey, naming_policies_subnet_id_fkey,
    systems_name_key, reservations_domain_name_excl DEFERRED`

const touched = (relation: string) => `
  SELECT DISTINCT ON (key) key, row, label, last_value(after) OVER w AS after, first_value(before) OVER w AS before
  FROM (
    SELECT c.id, c.label, c.before, c.after, ${identityOf(relation)} AS row, ${
  keyOf(relation, identityOf(relation))
} AS key
    FROM change_log c WHERE c.change = $1::bigint AND c.relation = '${relation}'
  ) AS c
  WINDOW w AS (PARTITION BY key ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
  ORDER BY key, id DESC`

// Of a system only what was decided counts; the rest is observed, and goes on changing.
const differs = (relation: string, side: "after" | "before") =>
  relation === "systems"
    ? decided.map((field) =>
      `k.before ->> '${field}' <> k.after ->> '${field}' AND k.${side} ->> '${field}' IS DISTINCT FROM t.${field}`
    ).join(" OR ")
    : `logged_row(to_jsonb(t)) IS DISTINCT FROM k.${side}`
const decided = ["state", "name", "name_source"] as const

const straysSql = (relation: string, side: "after" | "before") => `
  SELECT k.label, k.key FROM (${touched(relation)}) AS k LEFT JOIN ${relation} t ON ${matches(relation, "k.row")}
  WHERE ${differs(relation, side)} ORDER BY k.key LIMIT 1`

const laterSql = (relation: string) => `
  SELECT c.change::text, c.actor, c.action FROM change_log c
  WHERE c.relation = '${relation}' AND c.change <> $1::bigint AND ${keyOf(relation, identityOf(relation))} = $2
    AND c.id > (SELECT max(l.id) FROM change_log l WHERE l.change = $1::bigint)
  ORDER BY c.id LIMIT 1`

const refused = (reason: string) => ApiError.refuse("failed-precondition", reason)

/** Fails where something was touched since, and says by whom. */
const refuseStrays = Effect.fnUntraced(function*(client: Client, id: string, relation: string) {
  const [stray] = yield* client.query<{ label: string; key: string }>(straysSql(relation, "after"), [id])
  if (stray === undefined) return
  const [later] = yield* client.query<{ change: string; actor: string; action: string }>(laterSql(relation), [
    id,
    stray.key
  ])
  return yield* refused(
    later === undefined
      ? `the registry itself changed ${stray.label} since`
      : `change ${later.change} (${later.action}, by ${later.actor}) touched ${stray.label} since: undo that one first`
  )
})

const quoted = (columns: ReadonlyArray<string>, prefix = "") =>
  columns.map((column) => `${prefix}"${column.replaceAll("\"", "\"\"")}"`).join(", ")

const stepSql = ({ columns, kind, relation }: Step): string => {
  const rows = (row: string) => `
    FROM change_log c CROSS JOIN LATERAL jsonb_populate_record(NULL::${relation}, c.${row}) AS r
    WHERE c.change = $1::bigint AND c.relation = '${relation}' AND c.id BETWEEN $2::bigint AND $3::bigint`
  if (kind === "inserted") {
    return `DELETE FROM ${relation} t USING (SELECT c.after ${rows("after")}) AS k WHERE ${
      matches(relation, "k.after")
    }`
  }
  if (kind === "deleted") {
    // Further MACs of a reservation come after its first.
    const order = relation === "reservations" ? "r.also_of NULLS FIRST, r.id" : "c.id DESC"
    return `INSERT INTO ${relation} (${quoted(columns)}) OVERRIDING SYSTEM VALUE
      SELECT ${quoted(columns, "r.")} ${rows("before")} ORDER BY ${order}`
  }
  const set = columns.filter((column) => !isKey(relation, column))
  return `UPDATE ${relation} t SET (${quoted(set)}) = ROW (${quoted(set, "k.")})
    FROM (SELECT c.before, r.* ${rows("before")}) AS k
    WHERE ${matches(relation, "k.before")} AND logged_row(to_jsonb(t)) IS DISTINCT FROM k.before`
}

export const undoChange = (client: Client, caller: Caller, id: string): Effect.Effect<void, ApiError | PostgresError> =>
  Effect.gen(function*() {
    const steps = yield* client.query<Step>(stepsSql, [id])
    const concerned = [...new Set(steps.map(({ relation }) => relation))]
    if (concerned.includes("api_tokens")) {
      return yield* refused(
        "a token that was made or revoked stays so: nobody has its secret; make another, or revoke it"
      )
    }
    // A server that became known stays known: its renderer may have told of it since.
    const mine = concerned.filter((relation) => relation in relations)
    if (mine.length === 0) return yield* refused("there is nothing in it that could be taken back")
    for (const relation of mine) yield* refuseStrays(client, id, relation)
    yield* refuseHeldNames(client, id)
    yield* client.query("SAVEPOINT before_undo")
    yield* takeBack(client, caller, id, steps).pipe(
      Effect.catchTag("PostgresError", (error) => refuseBecauseOf(client, error))
    )
    for (const relation of mine) {
      const [stray] = yield* client.query<{ label: string }>(straysSql(relation, "before"), [id])
      if (stray !== undefined) return yield* refused(`${stray.label} cannot be made what it was before`)
    }
  })

const takeBack = Effect.fnUntraced(
  function*(client: Client, caller: Caller, id: string, steps: ReadonlyArray<Step>) {
    yield* client.query(deferSql)
    for (const step of steps) {
      if (!(step.relation in relations)) continue
      // Of a system only what the change decided: its name, its state, or both.
      const statements = step.relation === "systems" ? [stateBackSql, renameBackSql] : [stepSql(step)]
      for (const sql of statements) yield* client.query(sql, [id, step.first, step.last])
    }
    yield* followNames(client, caller, id)
    yield* client.query("SET CONSTRAINTS ALL IMMEDIATE")
  }
)

/** Says who is in the way, which can be asked only after what was done so far is undone. */
const refuseBecauseOf = Effect.fnUntraced(function*(client: Client, error: PostgresError) {
  const refusal = refusalOf(error)
  if (refusal === undefined) return yield* error
  yield* client.query("ROLLBACK TO SAVEPOINT before_undo")
  const holder = yield* inTheWay(client, error)
  return yield* refused(`something is in the way since: ${holder ?? refusal.message}`)
})
