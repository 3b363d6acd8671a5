/**
 * Ids of events. What a source read twice gets the same id twice: the id says where a line stood, not when it was read.
 */
import { Schema } from "effect"
import { hash } from "node:crypto"
import type { ServerId } from "./scalars/ServerId.ts"

export const EventId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/u, {
    expected: "an id of 1 to 128 letters, digits, dashes, dots, colons and underscores"
  })
).annotate({ description: "Id of the event; the same event has the same id" }).pipe(Schema.brand("EventId"))
export type EventId = typeof EventId.Type

/**
 * The id of an observed event: 160 bits of SHA-256 over server, source identity, position and line, in hexadecimal.
 *
 * `source` tells one incarnation of a log from the next; `position` is the byte offset of the line (or the cursor) in it.
 */
export const observedId = (server: ServerId, source: string, position: number | string, line: string): EventId =>
  EventId.make(hash("sha256", `${server}\n${source}\n${position}\n${line}`, "hex").slice(0, 40), {
    disableChecks: true
  })

/** The id of an event that came without one: its place in the stream, padded so that ids sort as the stream does. */
export const streamId = (sequence: number): EventId =>
  EventId.make(`seq-${String(sequence).padStart(16, "0")}`, { disableChecks: true })
