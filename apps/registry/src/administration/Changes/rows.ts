/** Changes as the log has them, the latest first. */
import type { Client } from "@leasehold/runtime"
import { Effect, Schema } from "effect"

const Row = Schema.Struct({
  entity: Schema.String,
  label: Schema.String,
  before: Schema.NullOr(Schema.String),
  after: Schema.NullOr(Schema.String)
})
const Change = Schema.Struct({
  id: Schema.String,
  at: Schema.String,
  actor: Schema.String,
  action: Schema.String,
  rows: Schema.Array(Row),
  row_count: Schema.FiniteFromString,
  undoes: Schema.NullOr(Schema.String),
  undone_by: Schema.NullOr(Schema.String)
})
export type Change = typeof Change.Type
const decodeChanges = Schema.decodeUnknownEffect(Schema.Array(Change))

/** Rows of a change that are shown. */
const mostRows = 100

// Each change is taken back by the latest that undoes it, unless that was taken back in turn: the links are counted.
const changesSql = (numbers: string) => `
  SELECT n.change::text AS id, iso_timestamp(c.at) AS at, c.actor, c.action, c.row_count::text, c.undoes::text,
    coalesce(shown.rows, '[]') AS rows,
    (SELECT CASE WHEN count(*) % 2 = 0 THEN NULL ELSE min(u.link) END::text
      FROM (
        WITH RECURSIVE links (link) AS (
          SELECT (SELECT max(u.change) FROM change_log u WHERE u.undoes = n.change)
          UNION ALL
          SELECT (SELECT max(u.change) FROM change_log u WHERE u.undoes = links.link) FROM links WHERE links.link IS NOT NULL
        )
        SELECT link FROM links WHERE link IS NOT NULL
      ) AS u) AS undone_by
  FROM (${numbers}) AS n
  CROSS JOIN LATERAL (
    SELECT max(l.at) AS at, min(l.actor) AS actor, (array_agg(l.action ORDER BY l.id))[1] AS action, count(*) AS row_count,
      max(l.undoes) AS undoes
    FROM change_log l WHERE l.change = n.change
  ) AS c
  CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('entity', l.entity, 'label', l.label, 'before', l.before::text, 'after', l.after::text)
      ORDER BY l.id) AS rows
    FROM (SELECT * FROM change_log l WHERE l.change = n.change ORDER BY l.id LIMIT ${mostRows}) AS l
  ) AS shown
  ORDER BY n.change DESC`

const load = Effect.fnUntraced(function*(client: Client, numbers: string, values: ReadonlyArray<unknown>) {
  return yield* Effect.orDie(decodeChanges(yield* client.query(changesSql(numbers), values)))
})

export interface ChangeFilter {
  readonly key: string
  readonly actor: string
  /** A time as PostgreSQL reads it. */
  readonly since: string | undefined
}

// What the change is about: a word of what a person calls it, or a value that it had or has.
const about = `($1 = '' OR $1 = ANY (string_to_array(lower(l.label), ' ')) OR lower(l.label) = $1 OR l.key = $1
  OR EXISTS (
    SELECT FROM unnest(ARRAY[l.before, l.after]) AS side (row)
    WHERE $1 IN (side.row ->> 'address', side.row ->> 'name', side.row ->> 'mac', side.row ->> 'cidr', side.row ->> 'server',
      (side.row ->> 'name') || '.' || (side.row ->> 'domain'), lower(side.row ->> 'name'))))`

export const listChanges = (client: Client, filter: ChangeFilter, before: string | undefined, limit: number) =>
  load(
    client,
    `SELECT l.change FROM change_log l
     WHERE ${about} AND ($2 = '' OR l.actor = $2) AND ($3::timestamptz IS NULL OR l.at >= $3)
       AND ($4::bigint IS NULL OR l.change < $4)
     GROUP BY l.change ORDER BY l.change DESC LIMIT $5::int`,
    [filter.key.toLowerCase(), filter.actor, filter.since ?? null, before ?? null, limit]
  )

export const loadChange = Effect.fnUntraced(function*(client: Client, id: string) {
  const [change] = yield* load(
    client,
    "SELECT c.change FROM (SELECT $1::bigint AS change) AS c WHERE EXISTS (SELECT FROM change_log l WHERE l.change = c.change)",
    [id]
  )
  return change
})
