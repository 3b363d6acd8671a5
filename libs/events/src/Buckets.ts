/** The key-value buckets of the bus. The registry creates them; limits are in units that the name says. */
import { Option, Schema } from "effect"
import { ServerId } from "./scalars/ServerId.ts"

export interface BucketDefinition {
  readonly name: string
  readonly description: string
  /** How many values of a key are kept. */
  readonly history: number
  /** How long a value is kept, in hours; none keeps it for ever. */
  readonly maxAgeHours?: number
  /** The largest value taken, in bytes. */
  readonly maxValueSize: number
}

export const INGEST_CONFIG = {
  name: "ingest-config",
  description: "What the ingest of each server is to watch, as PostgreSQL has it",
  history: 1,
  maxValueSize: 131_072
} as const satisfies BucketDefinition

export const INGEST_STATUS = {
  name: "ingest-status",
  description: "What each ingest reported last",
  history: 1,
  maxAgeHours: 24,
  maxValueSize: 262_144
} as const satisfies BucketDefinition

export const POLICIES = {
  name: "policies",
  description: "How systems are named, as PostgreSQL has it",
  history: 1,
  maxValueSize: 131_072
} as const satisfies BucketDefinition

/** The stream behind a bucket, and the subject of one of its keys: what a permission names. */
export const bucketStream = ({ name }: BucketDefinition): string => `KV_${name}`
export const bucketSubject = ({ name }: BucketDefinition, key: string): string => `$KV.${name}.${key}`

/** One process of an ingest: random, and the same for as long as its state directory lives. */
export const InstanceId = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{16}$/u, { expected: "an instance id of 16 hexadecimal digits" })
).annotate({ description: "One ingest among those of its server" }).pipe(Schema.brand("InstanceId"))
export type InstanceId = typeof InstanceId.Type

/** The key of an ingest's report: `<server>.<instance>`. */
export const statusKey = (server: ServerId, instance: InstanceId): string => `${server}.${instance}`

const decodeServer = Schema.decodeOption(ServerId)
const decodeInstance = Schema.decodeOption(InstanceId)

/** None when it is no key of a report. */
export const parseStatusKey = (
  key: string
): Option.Option<{ readonly server: ServerId; readonly instance: InstanceId }> => {
  const [server = "", instance = "", ...rest] = key.split(".")
  return rest.length > 0
    ? Option.none()
    : Option.all({ server: decodeServer(server), instance: decodeInstance(instance) })
}

/** The subject on which an ingest answers with its report. */
export const statusSubject = (server: ServerId): string => `ingest.v1.status.${server}`
