/** grpc.health.v1: whether the registry can do its work, which needs PostgreSQL and NATS. Asked once a second at most. */
import { create, type MessageInitShape } from "@bufbuild/protobuf"
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect"
import {
  type Health,
  HealthCheckResponse_ServingStatus as Status,
  HealthCheckResponseSchema
} from "@leasehold/registry-api/gen/grpc/health/v1/health_pb"
import { type Context, Effect } from "effect"
import { setTimeout as sleep } from "node:timers/promises"

const believed = 1_000
const lookEvery = 2_000

/**
 * @param ask fails where something that the registry needs is away
 * @param ended aborted when the server goes away
 */
export const healthService = (
  ask: Effect.Effect<void, string>,
  names: ReadonlySet<string>,
  context: Context.Context<never>,
  ended: AbortSignal
) => {
  let asked: { readonly at: number; readonly status: Promise<Status> } | undefined
  const statusOf = (service: string): Promise<Status> => {
    if (service !== "" && !names.has(service)) return Promise.resolve(Status.SERVICE_UNKNOWN)
    if (asked === undefined || asked.at + believed < performance.now()) {
      const status = Effect.runPromiseWith(context)(
        Effect.match(ask, { onSuccess: () => Status.SERVING, onFailure: () => Status.NOT_SERVING })
      )
      asked = { at: performance.now(), status }
    }
    return asked.status
  }
  return {
    check: async ({ service }) => {
      const status = await statusOf(service)
      if (status === Status.SERVICE_UNKNOWN) throw new ConnectError("no such service", Code.NotFound)
      return answer(status)
    },
    async *watch({ service }, handler) {
      const signal = AbortSignal.any([handler.signal, ended])
      let told: Status | undefined
      while (!signal.aborted) {
        const status = await statusOf(service)
        if (status !== told) yield answer(status)
        told = status
        await sleep(lookEvery, undefined, { signal }).catch(() => undefined)
      }
      if (signal.reason instanceof ConnectError) throw signal.reason
    }
  } satisfies ServiceImpl<typeof Health>
}

const answer = (status: Status): MessageInitShape<typeof HealthCheckResponseSchema> =>
  create(HealthCheckResponseSchema, { status })
