/** A naming policy as a value of the bucket `policies`: the JSON of the API, of which people may write a part. */
import { create, toJsonString } from "@bufbuild/protobuf"
import { Rejection, showActual } from "@leasehold/events"
import { NamingPolicySchema } from "@leasehold/registry-api"
import { Result, Schema } from "effect"
import { toMessage } from "./messages.ts"
import { type PolicyPatch, readPatch } from "./PolicyFields.ts"
import type { Policy } from "./rows.ts"

export const defaultKey = "default"

/** `subnet.10-0-0-0-24` */
export const keyOf = (cidr: string): string =>
  cidr === "" ? defaultKey : `subnet.${cidr.replaceAll(".", "-").replace("/", "-")}`

export const encodePolicy = (policy: Policy): string =>
  toJsonString(NamingPolicySchema, create(NamingPolicySchema, toMessage(policy)), { alwaysEmitImplicit: true })

const Value = Schema.fromJsonString(Schema.Struct({
  subnet: Schema.optionalKey(Schema.String),
  pattern: Schema.optionalKey(Schema.Unknown),
  forbidden: Schema.optionalKey(Schema.Unknown),
  conflict: Schema.optionalKey(Schema.Unknown),
  clientNames: Schema.optionalKey(Schema.Unknown),
  domain: Schema.optionalKey(Schema.Unknown),
  revision: Schema.optionalKey(Schema.Union([Schema.String, Schema.Int])),
  updatedAt: Schema.optionalKey(Schema.String)
}))
const decodeValue = Schema.decodeUnknownResult(Value)

export interface Written {
  /** Which policy was read before it was written; undefined where that was not said. */
  readonly revision: string | undefined
  readonly updatedAt: string | undefined
  readonly patch: PolicyPatch
}

const reject = (field: string, expected: string, actual: unknown) =>
  Result.fail(new Rejection({ field, expected, actual: showActual(actual) }))

const conflictOf = (value: unknown): unknown =>
  typeof value === "string" && value.startsWith("NAME_CONFLICT_")
    ? value.slice("NAME_CONFLICT_".length).toLowerCase().replaceAll("_", "-")
    : value

/** @param cidr of the key; undefined where the key is that of no subnet */
export const decodePolicy = (text: string, cidr: string | undefined): Result.Result<Written, Rejection> => {
  if (cidr === undefined)
    return reject("key", "default, or subnet. and the network of a subnet: subnet.10-0-0-0-24", text)
  const decoded = decodeValue(text, { onExcessProperty: "error" })
  if (Result.isFailure(decoded)) {
    return reject("body", "JSON with fields among pattern, forbidden, conflict, clientNames, domain", text)
  }
  const { conflict, revision, subnet, updatedAt, ...fields } = decoded.success
  if (subnet !== undefined && subnet !== cidr) return reject("subnet", "that of the key", subnet)
  const patch = readPatch({ ...fields, ...(conflict === undefined ? {} : { conflict: conflictOf(conflict) }) })
  if (Result.isFailure(patch)) {
    const [{ description, field } = { description: patch.failure.message, field: "body" }] = patch.failure.violations
    return reject(field, description, text)
  }
  return Result.succeed({
    revision: revision === undefined ? undefined : String(revision),
    updatedAt,
    patch: patch.success
  })
}
