/**
 * The order of events as one text, "time id": by the time that the source gave, and by id within the same microsecond.
 *
 * Times have a fixed width, and the space sorts before every character of an id, so that comparing texts compares events.
 */
import type { DhcpEvent } from "@leasehold/events"

export type Stamp = string

export const stampOf = (event: Pick<DhcpEvent, "at" | "id">): Stamp => `${event.at} ${event.id}`

const timeWidth = "2026-11-22T03:50:23.055763Z".length

/** The time of a stamp. */
export const timeOf = (stamp: Stamp): string => stamp.slice(0, timeWidth)
export const idOf = (stamp: Stamp): string => stamp.slice(timeWidth + 1)
