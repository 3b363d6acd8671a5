/**
 * Mirrors the naming policies in the bucket `policies` of NATS, and takes what others write there.
 *
 * One truth, PostgreSQL: what somebody puts into the bucket is checked and applied there, and the bucket shows then what
 * came of it. What is refused, was written over an older state, or was removed is replaced by the truth. Any number of
 * replicas do the same without harm: only what differs is written, and only over what was read.
 */
import { bucketSubject, POLICIES, Rejection, showActual } from "@leasehold/events"
import { Nats, NatsError, Postgres, untilAvailable } from "@leasehold/runtime"
import { jetstream } from "@nats-io/jetstream"
import type { NatsConnection } from "@nats-io/transport-node"
import { Cause, Effect, Layer, Metric, Queue, Result, Schedule, Stream } from "effect"
import type { Caller } from "../api/Caller.ts"
import { reject } from "../consumer/reject.ts"
import { type Bucket, type Entry, isOvertaken, openBucket } from "../monitoring/Bucket.ts"
import { makeOutage } from "../Outage.ts"
import { decodePolicy, encodePolicy, keyOf, type Written } from "./bucketValue.ts"
import { Policies } from "./Policies.ts"
import type { Policy } from "./rows.ts"

const atOnce = 16
const caller: Caller = { actor: "nats", scope: "administer" }
const subnetsSql = "SELECT cidr::text FROM subnets"

const refusals = Metric.counter("registry_policy_refusals_total", {
  description: "Naming policies in the bucket that were refused",
  incremental: true
})

export const policyBucketLayer = Layer.effectDiscard(Effect.gen(function*() {
  const postgres = yield* Postgres
  const { connection } = yield* Nats
  const bucket = yield* openBucket(POLICIES)
  const policies = yield* Policies
  const outage = makeOutage("naming policies cannot be mirrored")
  const mirror = bucket.ensure.pipe(
    Effect.andThen(reconcile({ bucket, connection, policies, postgres })),
    Effect.andThen(outage.over),
    Effect.tapCause((cause) =>
      Cause.hasInterruptsOnly(cause) || isForbidden(Cause.squash(cause))
        ? Effect.void
        : outage.because(Cause.squash(cause))
    ),
    Effect.sandbox,
    Effect.retry({ schedule: untilAvailable, while: (cause) => !isForbidden(Cause.squash(cause)) }),
    Effect.as(true),
    Effect.orElseSucceed(() => false)
  )
  let mayMirror = true
  yield* Stream.merge(postgres.listen("policies"), heard(connection)).pipe(
    Stream.merge(Stream.fromSchedule(Schedule.spaced("30 seconds"))),
    Stream.buffer({ capacity: 1, strategy: "sliding" }),
    Stream.runForEach(() =>
      Effect.flatMap(mirror, (done) => {
        const isNews = done !== mayMirror
        mayMirror = done
        return isNews && !done
          ? Effect.logInfo("no right to mirror naming policies", { bucket: POLICIES.name })
          : Effect.void
      })
    ),
    Effect.forkScoped
  )
}))

const isForbidden = (error: unknown): boolean =>
  error instanceof NatsError && /permissions violation/iu.test(String(error.cause))

/** Something happens in the bucket. Without the right to hear it, a look now and then finds it. */
const heard = (connection: NatsConnection): Stream.Stream<void> =>
  Stream.callback<void>((queue) =>
    Effect.acquireRelease(
      Effect.sync(() =>
        connection.subscribe(bucketSubject(POLICIES, ">"), { callback: () => void Queue.offerUnsafe(queue, undefined) })
      ),
      (subscription) => Effect.sync(() => subscription.unsubscribe())
    ), { bufferSize: 1, strategy: "sliding" })

interface Mirroring {
  readonly bucket: Bucket
  readonly connection: NatsConnection
  readonly policies: Policies["Service"]
  readonly postgres: Postgres["Service"]
}

const reconcile = Effect.fnUntraced(function*(mirroring: Mirroring) {
  const { bucket, policies, postgres } = mirroring
  const read = yield* Effect.forEach(yield* bucket.keys(">"), bucket.get, { concurrency: atOnce })
  const entries = new Map(read.flatMap((entry) => entry === undefined ? [] : [[entry.key, entry]]))
  const truth = new Map((yield* policies.list).map((policy) => [keyOf(policy.subnet), policy]))
  const cidrs = new Map((yield* postgres.query<{ cidr: string }>(subnetsSql)).map(({ cidr }) => [keyOf(cidr), cidr]))
  cidrs.set(keyOf(""), "")
  for (const key of new Set([...truth.keys(), ...entries.keys()])) {
    const entry = entries.get(key)
    const policy = yield* taken(mirroring, entry, truth.get(key), cidrs.get(key))
    if (policy !== "overtaken") yield* show(bucket, key, entry, policy)
  }
})

/** The policy as it is when what somebody wrote is applied, or refused; another change is heard, and looked at then. */
const taken = Effect.fnUntraced(
  function*(mirroring: Mirroring, entry: Entry | undefined, policy: Policy | undefined, cidr: string | undefined) {
    const text = entry?.value
    if (entry === undefined || text === undefined) return policy
    if (policy !== undefined && text === encodePolicy(policy)) return policy
    const written = decodePolicy(text, cidr)
    if (Result.isFailure(written)) return yield* refused(mirroring, entry, policy, written.failure)
    if (isOutdated(written.success, policy)) return policy
    return yield* mirroring.policies.update({
      caller,
      subnet: cidr ?? "",
      patch: written.success.patch,
      apply: false,
      dryRun: false,
      ifRevision: policy?.revision ?? "0"
    }).pipe(
      Effect.tap(({ policy: { revision, subnet } }) =>
        revision === policy?.revision
          ? Effect.void
          : Effect.logInfo("naming policy taken from the bucket", { subnet, revision })
      ),
      Effect.map((updated): Policy | "overtaken" | undefined => updated.policy),
      Effect.catch((error): Effect.Effect<Policy | "overtaken" | undefined, NatsError> => {
        if (error.code === "aborted") return Effect.succeed("overtaken")
        const [{ description, field } = { description: error.message, field: "body" }] = error.violations
        return refused(
          mirroring,
          entry,
          policy,
          new Rejection({ field, expected: description, actual: showActual(text) })
        )
      })
    )
  }
)

/** Written over a state that is not the present one: most likely by a mirror, a moment ago. */
const isOutdated = ({ revision, updatedAt }: Written, policy: Policy | undefined): boolean =>
  revision !== undefined &&
  (revision !== (policy?.revision ?? "0") ||
    (updatedAt !== undefined && policy !== undefined && Date.parse(updatedAt) !== Date.parse(policy.updatedAt)))

const refused = (
  { connection }: Mirroring,
  { data, key, sequence }: Entry,
  policy: Policy | undefined,
  rejection: Rejection
) =>
  reject(jetstream(connection), {
    subject: bucketSubject(POLICIES, key),
    data,
    rejection,
    id: `policy-${key}-${sequence}`
  }).pipe(
    Effect.andThen(
      Effect.logWarning("naming policy in the bucket refused", {
        key,
        field: rejection.field,
        expected: rejection.expected
      })
    ),
    Effect.andThen(Metric.update(refusals, 1)),
    Effect.as(policy)
  )

/** Writes only over what was read: when somebody was faster, that is heard, and looked at. */
const show = (bucket: Bucket, key: string, entry: Entry | undefined, policy: Policy | undefined) => {
  const text = policy === undefined ? undefined : encodePolicy(policy)
  if (entry?.value === text) return Effect.void
  const since = entry?.sequence ?? 0
  return Effect.catchIf(
    text === undefined ? bucket.remove(key, since) : bucket.put(key, text, since),
    isOvertaken,
    () => Effect.void
  )
}
