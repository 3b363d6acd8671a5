/**
 * `Leasehold-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.id.body">`: who knows the secret sent this body under
 * this id at that time.
 */
import { createHmac } from "node:crypto"

export const signatureOf = (secret: string, seconds: number, id: string, body: Uint8Array): string =>
  `t=${seconds},v1=${createHmac("sha256", secret).update(`${seconds}.${id}.`).update(body).digest("hex")}`
