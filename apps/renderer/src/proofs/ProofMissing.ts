/** dnsmasq was told to use the file, and nothing shows that it does. */
import { Schema } from "effect"

export class ProofMissing extends Schema.TaggedError<ProofMissing>()("ProofMissing", {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}
