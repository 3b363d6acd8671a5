/**
 * How far a log file was read: every incarnation of it that is not finished, oldest first.
 *
 * An incarnation is one life of the file between two rotations. It is known by its content (a fingerprint of its first
 * line, and the bytes just before the offset), because names and inode numbers are given to other files.
 */
import { Schema } from "effect"
import { hash } from "node:crypto"

const Offset = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

export const Identity = Schema.Struct({
  fingerprint: Schema.String.annotate({ description: "SHA-256 of the first line, of its first 1,024 bytes at most" }),
  epoch: Offset.annotate({ description: "How many of the latest incarnations before it began with the same line" })
})
export type Identity = typeof Identity.Type

/** Stretch of a line that is too long to be kept: it is thrown away up to its end. */
export const Overlong = Schema.Struct({
  start: Offset,
  relevant: Schema.Boolean.annotate({ description: "It holds dnsmasq's DHCP tag: an event may be lost with it" })
})
export type Overlong = typeof Overlong.Type

export const ReadTo = Schema.Struct({
  ...Identity.fields,
  inode: Schema.String.annotate({ description: "Device and inode number: where to look first, never a proof" }),
  offset: Offset.annotate({ description: "End of the last line that was read" }),
  head: Schema.String.annotate({ description: "SHA-256 of the first bytes, as many as `headLength`" }),
  headLength: Offset,
  tail: Schema.String.annotate({ description: "SHA-256 of the bytes just before the offset, 64 at most" }),
  size: Offset.annotate({ description: "Largest size seen" }),
  modified: Schema.Finite.annotate({ description: "When it was last written, milliseconds since 1970" }),
  overlong: Schema.optionalKey(Overlong)
})
export type ReadTo = typeof ReadTo.Type

export const LogFilePosition = Schema.Struct({
  incarnations: Schema.Array(ReadTo),
  /** The newest incarnation that has an identity, finished or not: what came after it is found by comparison. */
  newest: Schema.optionalKey(ReadTo),
  /** Of the latest incarnations, with the last epoch of each fingerprint; the oldest first. */
  known: Schema.Array(Identity),
  /** Rotated files that were last written before this time are none of ours. */
  since: Schema.Finite
})
export type LogFilePosition = typeof LogFilePosition.Type

/** What an incarnation's event ids are made from. */
export const sourceOf = (identity: Identity): string =>
  identity.epoch === 0 ? identity.fingerprint : `${identity.fingerprint}#${identity.epoch}`

export const headLimit = 1024
export const tailLimit = 64
const newline = 10

/** Of a file's first bytes; undefined while its first line is not complete. */
export const fingerprintOf = (head: Uint8Array): string | undefined => {
  const end = head.subarray(0, headLimit).indexOf(newline)
  if (end === -1 && head.length < headLimit) return undefined
  return digest(head.subarray(0, end === -1 ? headLimit : end + 1))
}

const digests = new WeakMap<Uint8Array, string>()

/** SHA-256, of bytes that never change: it is asked for again and again. */
export const digest = (bytes: Uint8Array): string => {
  const known = digests.get(bytes)
  if (known !== undefined) return known
  const answer = hash("sha256", bytes, "hex")
  digests.set(bytes, answer)
  return answer
}
