/**
 * Makes an event smaller, step by step, for a bus that takes no message of its size: first the raw line goes, then
 * everything that only describes, and at last the event itself, in whose place a gap says that it was.
 *
 * The id and the time stay the same through all steps.
 */
import type { DhcpEvent } from "@leasehold/events"

/** There is nothing left to take away after this one. */
export const lastStep = 3

const descriptive: ReadonlyArray<string> = [
  "clientId",
  "clientName",
  "provenance",
  "reason",
  "requestedOptions",
  "tags",
  "userClass",
  "vendorClass"
] satisfies ReadonlyArray<keyof DhcpEvent>

export const shorten = (event: DhcpEvent, step: number): DhcpEvent => {
  if (step === 0) return event
  if (step === 1) {
    if (event.provenance === undefined) return event
    const { line: _line, ...provenance } = event.provenance
    return { ...event, provenance }
  }
  const { at, id, kind, server } = event
  if (step > 2 || kind === "gap") {
    const reason = kind === "gap" ? (event.reason ?? "").slice(0, 100) : `an event (${kind}) was too large for the bus`
    return { server, kind: "gap", id, at, reason, ...(event.lost === undefined ? {} : { lost: event.lost }) }
  }
  const essence = { ...event }
  for (const field of descriptive) Reflect.deleteProperty(essence, field)
  return essence
}
