/** The name of one dnsmasq, chosen by its operator. It is a token of NATS subjects, hence the narrow alphabet. */
import { Schema } from "effect"

export const ServerId = Schema.String.check(
  Schema.isPattern(/^[a-z0-9][a-z0-9-]{0,62}$/u, {
    expected: "a server id of 1 to 63 lower-case letters, digits and dashes such as lab"
  })
).annotate({ description: "Name of one dnsmasq" }).pipe(Schema.brand("ServerId"))
export type ServerId = typeof ServerId.Type
