/** Which systems are asked for; a condition that is left out holds for all of them. */
import type { ServerId, SystemState } from "@leasehold/events"

export interface SystemFilter {
  /** CIDR or name of the subnet of the address that it holds. */
  readonly subnet?: string
  readonly states?: ReadonlyArray<SystemState>
  readonly seenSince?: string
  /** Its name contains this. */
  readonly name?: string
  /** Its vendor contains this, whatever the case. */
  readonly vendor?: string
  readonly server?: ServerId
  readonly reserved?: boolean
}

interface Condition {
  readonly sql: string
  readonly values: ReadonlyArray<unknown>
}

/** A condition on `systems s`; parameters begin after `given`. Client text is data: it is a parameter, never SQL. */
export const conditionOf = (filter: SystemFilter, given: number): Condition => {
  const values: Array<unknown> = []
  const value = (parameter: unknown) => `$${given + values.push(parameter)}`
  const { name, reserved, seenSince, server, states, subnet, vendor } = filter
  const parts = [
    ...(subnet === undefined ? [] : [`s.address <<= ${value(subnet)}::cidr`]),
    ...(states === undefined ? [] : [`s.state = ANY (${value(states)}::text[])`]),
    ...(seenSince === undefined ? [] : [`s.last_seen >= ${value(seenSince)}::timestamptz`]),
    ...(name === undefined ? [] : [`strpos(s.name, ${value(name.toLowerCase())}) > 0`]),
    ...(vendor === undefined ? [] : [`strpos(lower(s.vendor), lower(${value(vendor)})) > 0`]),
    ...(server === undefined ? [] : [`s.server = ${value(server)}`]),
    ...(reserved === undefined
      ? []
      : [`${reserved ? "" : "NOT "}EXISTS (SELECT FROM reservations r WHERE r.mac = s.mac)`])
  ]
  return { sql: parts.length === 0 ? "true" : parts.join(" AND "), values }
}
