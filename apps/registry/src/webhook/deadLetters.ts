/**
 * Facts that the webhook did not take, kept for a person to look at. One row for a fact, however often it came to that;
 * a row stays for as long as the stream keeps the fact.
 */
import { DISCOVERY } from "@leasehold/events"
import type { Client, PostgresError } from "@leasehold/runtime"
import { Effect } from "effect"
import { type Fact } from "./Fact.ts"

const insertSql = `
  INSERT INTO webhook_dead_letters AS d (fact_id, type, body, attempts, error) VALUES ($1, $2, $3::jsonb, $4, $5)
  ON CONFLICT (fact_id) DO UPDATE
  SET at = excluded.at, attempts = d.attempts + excluded.attempts, error = excluded.error`
const forgetSql = `DELETE FROM webhook_dead_letters WHERE at < now() - interval '${DISCOVERY.maxAgeDays} days'`

/** What is no JSON, or JSON that PostgreSQL cannot keep, is kept as a text. */
const isAboutData = (error: PostgresError) => error.code?.startsWith("22") === true

export const recordDeadLetter = Effect.fnUntraced(
  function*(client: Client, { body, id, type }: Fact, attempts: number, reason: string) {
    const text = new TextDecoder().decode(body).replaceAll("\0", "\uFFFD")
    const insert = (json: string) => client.query(insertSql, [id, type, json, attempts, reason])
    yield* insert(text).pipe(Effect.catchIf(isAboutData, () => insert(JSON.stringify(text))))
  }
)

export const forgetDeadLetters = (client: Client) => client.query(forgetSql)
