/**
 * A key-value bucket of the bus as the registry uses it: made where it is missing, read from its leader.
 *
 * Deleted keys have no entry, but a sequence, which whoever writes them anew must name.
 */
import { type BucketDefinition, bucketStream, bucketSubject } from "@leasehold/events"
import { attemptNats, Nats, NatsConfig, type NatsError } from "@leasehold/runtime"
import { Kvm } from "@nats-io/kv"
import { Effect } from "effect"

export interface Entry {
  readonly key: string
  /** Undefined where it was deleted. */
  readonly value: string | undefined
  /** The value as somebody wrote it, byte by byte. */
  readonly data: Uint8Array
  readonly sequence: number
  /** By the bus's clock, milliseconds since 1970. */
  readonly writtenAt: number
}

export interface Bucket {
  /** Makes it where it is missing. */
  readonly ensure: Effect.Effect<void, NatsError>
  /** Its keys, deleted ones too; none where there is no bucket. */
  readonly keys: (pattern: string) => Effect.Effect<ReadonlyArray<string>, NatsError>
  readonly get: (key: string) => Effect.Effect<Entry | undefined, NatsError>
  /** Fails, as `isOvertaken` tells, when the key was written since. */
  readonly put: (key: string, value: string, since: number) => Effect.Effect<void, NatsError>
  /** The same. */
  readonly remove: (key: string, since: number) => Effect.Effect<void, NatsError>
}

/** Somebody else wrote the key since it was read. */
export const isOvertaken = ({ cause }: NatsError): boolean => /wrong last sequence/iu.test(String(cause))

const isMissing = (error: unknown): boolean => error instanceof Error && /stream not found/iu.test(error.message)

export const openBucket = Effect.fnUntraced(function*(definition: BucketDefinition) {
  const { connection, manager } = yield* Nats
  const { replicas } = yield* NatsConfig
  const { description, history, maxAgeHours, maxValueSize, name } = definition
  const stream = bucketStream(definition)
  const manage = new Kvm(connection)
  const bucket = yield* attemptNats("open a bucket", () => manage.open(name))
  return {
    ensure: Effect.asVoid(attemptNats("make a bucket", () =>
      manage.create(name, {
        description,
        history,
        maxValueSize,
        replicas,
        ...(maxAgeHours === undefined ? {} : { ttl: maxAgeHours * 3_600_000 })
      }))),
    keys: (pattern) =>
      attemptNats(
        "list a bucket",
        () =>
          manager.streams.info(stream, { subjects_filter: bucketSubject(definition, pattern) }).then(
            ({ state }) => Object.keys(state.subjects ?? {}).map((subject) => subject.slice(`$KV.${name}.`.length)),
            (error: unknown) => isMissing(error) ? [] : Promise.reject(error)
          )
      ),
    get: (key) =>
      attemptNats("read a bucket", () =>
        bucket.get(key).then(
          (entry) =>
            entry === null ? undefined : {
              key,
              value: entry.operation === "PUT" ? entry.string() : undefined,
              data: entry.value,
              sequence: entry.revision,
              writtenAt: entry.created.getTime()
            },
          (error: unknown) => isMissing(error) ? undefined : Promise.reject(error)
        )),
    put: (key, value, since) =>
      Effect.asVoid(attemptNats("write a bucket", () => bucket.put(key, value, { previousSeq: since }))),
    remove: (key, since) => attemptNats("write a bucket", () => bucket.delete(key, { previousSeq: since }))
  } satisfies Bucket
})
