/** Puts facts into the outbox, in the transaction that makes them true. */
import type { Client } from "@leasehold/runtime"
import { type Fact, subjectOf } from "../apply/facts.ts"

const sql = `
  INSERT INTO outbox (subject, type, body)
  SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[])`

export const insertFacts = (client: Client, facts: ReadonlyArray<Fact>) =>
  client.query(sql, [
    facts.map(subjectOf),
    facts.map(({ type }) => type),
    facts.map((fact) => JSON.stringify(fact))
  ], "insert-facts")
