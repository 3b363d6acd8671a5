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
/** @param condition of `changes c`, with what limits them */
const changesSql = (condition: string) => `
  SELECT c.id::text, iso_timestamp(c.at) AS at, c.actor, c.action, c.rows::text AS row_count, c.undoes::text,
    coalesce(shown.rows, '[]') AS rows,
    (SELECT CASE WHEN count(*) % 2 = 0 THEN NULL ELSE min(u.link) END::text
      FROM (
        WITH RECURSIVE links (link) AS (
          SELECT (SELECT max(u.id) FROM changes u WHERE u.undoes = c.id)
          UNION ALL
          SELECT (SELECT max(u.id) FROM changes u WHERE u.undoes = links.link) FROM links WHERE links.link IS NOT NULL
        )
        SELECT link FROM links WHERE link IS NOT NULL
      ) AS u) AS undone_by
  FROM (SELECT * FROM changes c WHERE ${condition}) AS c
  CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('entity', l.entity, 'label', l.label, 'before', l.before::text, 'after', l.after::text)
      ORDER BY l.id) AS rows
    FROM (SELECT * FROM change_log l WHERE l.change = c.id ORDER BY l.id LIMIT ${mostRows}) AS l
  ) AS shown
  ORDER BY c.id DESC`

const load = Effect.fnUntraced(function*(client: Client, condition: string, values: ReadonlyArray<unknown>) {
  return yield* Effect.orDie(decodeChanges(yield* client.query(changesSql(condition), values)))
})

export interface ChangeFilter {
  /** Number of the change. */
  readonly id: string | undefined
  readonly key: string
  readonly actor: string
  /** A time as PostgreSQL reads it. */
  readonly since: string | undefined
  /** Those of tokens too. */
  readonly tokens: boolean
}

// As a whole: what it was found by, and that it was made, tells of the token as well.
const withoutTokens = "NOT EXISTS (SELECT FROM change_log l WHERE l.change = c.id AND l.entity = 'token')"

// What was not asked for is left out, so that each question is planned for what it asks. What a change is about is a word of what a
// person calls it, or a value that it had or has.
const conditionOf = (filter: ChangeFilter, before: string | undefined) => {
  const values: Array<string> = []
  const given = (sql: (parameter: string) => string, value: string | undefined) =>
    value === undefined || value === "" ? [] : [sql(`$${values.push(value)}`)]
  const conditions = [
    ...given((id) => `c.id = ${id}::bigint`, filter.id),
    ...given((before) => `c.id < ${before}::bigint`, before),
    ...given((actor) => `c.actor = ${actor}`, filter.actor),
    ...given((since) => `c.at >= ${since}::timestamptz`, filter.since),
    ...given(
      (word) =>
        `c.id IN (SELECT l.change FROM change_log l
          WHERE change_words(l.key, l.label, l.before, l.after) @> ARRAY[${word}])`,
      filter.key.toLowerCase()
    ),
    ...(filter.tokens ? [] : [withoutTokens])
  ]
  return { sql: conditions.length === 0 ? "true" : conditions.join(" AND "), values }
}

export const listChanges = (
  client: Client,
  filter: ChangeFilter,
  before: string | undefined,
  limit: number
) => {
  const { sql, values } = conditionOf(filter, before)
  return load(client, `${sql} ORDER BY c.id DESC LIMIT ${limit}`, values)
}

export const loadChange = (client: Client, id: string) =>
  Effect.map(load(client, "c.id = $1::bigint", [id]), ([change]) => change)
