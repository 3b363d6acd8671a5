/** What is wrong with a dhcp-host entry, or doubtful in it: which field, what belongs there, what stood there. */
import { Schema } from "effect"
import { withoutControls } from "../tokens.ts"

const LONGEST_SAMPLE = 80

/** The entry is refused, by dnsmasq or by us. */
export class DhcpHostError extends Schema.TaggedError<DhcpHostError>()("DhcpHostError", {
  field: Schema.String,
  expected: Schema.String,
  actual: Schema.String
}) {
  override get message() {
    return `${this.field}: expected ${this.expected}, got ${JSON.stringify(this.actual)}`
  }
}

/** dnsmasq accepts it, but hardly as what it was meant to be. */
export interface HostDoubt {
  readonly field: string
  readonly expected: string
  readonly actual: string
}

/** Text from outside, fit for a message. */
export const sample = (text: string): string =>
  withoutControls(text.length > LONGEST_SAMPLE ? `${text.slice(0, LONGEST_SAMPLE)}…` : text)

export const problem = (field: string, expected: string, actual: string): DhcpHostError =>
  new DhcpHostError({ field, expected, actual: sample(actual) })

export const doubt = (field: string, expected: string, actual: string): HostDoubt => ({
  field,
  expected,
  actual: sample(actual)
})
